"""Covariance of effects of the same people by simulation; writes dependence.csv. Numpy only, run by hand.

Run from the root of the repository:  python tests/reference/dependence.py
People of one arm are drawn together, measured on two occasions i and j. Who is missing on one occasion is
missing from the end of the list (nested drop-out). An arm with rho = "" is not shared: two arms are drawn. The baseline of
"SMD common" is measured on everybody and correlates 0.5 with occasion i.
"""

import csv
import math
from pathlib import Path

import numpy as np

SEED = 20260101
CHUNK = 2000
FIELDS = (
    *("case", "measure", "large", "n_t_i", "n_t_j", "n_c_i", "n_c_j", "sd_t_i", "sd_t_j", "sd_c_i", "sd_c_j"),
    *("y_i", "y_j", "p_t_i", "p_t_j", "p_c_i", "p_c_j", "rho_t", "rho_c", "sd", "n_sd"),
    *("replications", "simulated", "mc_error", "formula", "naive"),
)
COUNTS = ("OR", "RR", "RD", "AS")


def row(case, measure, n, *, rho, sd=(1, 1, 1, 1), y=(0, 0), p=(), common=("", ""), reps=100_000, large=1):
    values = dict(zip(("n_t_i", "n_t_j", "n_c_i", "n_c_j"), n, strict=True))
    values |= dict(zip(("sd_t_i", "sd_t_j", "sd_c_i", "sd_c_j"), sd if not p else ("",) * 4, strict=True))
    values |= dict(zip(("p_t_i", "p_t_j", "p_c_i", "p_c_j"), p or ("",) * 4, strict=True))
    values |= {"y_i": "" if p else y[0], "y_j": "" if p else y[1], "rho_t": rho[0], "rho_c": rho[1]}
    values |= {"sd": common[0], "n_sd": common[1], "replications": reps}
    return {"case": case, "measure": measure, "large": large} | values


def cases():
    both, control, treatment = (0.6, 0.6), ("", 1), (1, "")
    yield row("two times", "MD", (200, 200, 180, 180), rho=both, sd=(4, 6, 5, 7))
    yield row("two times, drop-out", "MD", (200, 140, 180, 150), rho=both, sd=(4, 6, 5, 7))
    yield row("two times, correlations differ", "MD", (150, 150, 150, 120), rho=(0.8, 0.3), sd=(4, 6, 5, 7))
    yield row("shared control", "MD", (100, 150, 120, 120), rho=control, sd=(4, 6, 5, 5))
    yield row("shared treatment", "MD", (100, 100, 150, 120), rho=treatment, sd=(4, 4, 5, 7))
    yield row("two times", "SMD", (200, 200, 200, 200), rho=both, y=(-0.9, -0.5))
    yield row("two times, large effects", "SMD", (250, 250, 150, 150), rho=(0.9, 0.9), y=(-2.5, -2.0))
    yield row("two times, drop-out", "SMD", (250, 160, 200, 150), rho=both, y=(-2.0, -1.5))
    yield row("two times, correlations differ", "SMD", (200, 160, 200, 200), rho=(0.9, 0.2), y=(-2.0, 1.5))
    yield row("shared control", "SMD", (120, 200, 160, 160), rho=control, y=(-2.0, -2.5))
    yield row("shared control at two times", "SMD", (150, 150, 200, 160), rho=("", 0.7), y=(-2.0, -2.5))
    yield row("two times, 10 an arm", "SMD", (10, 10, 10, 10), rho=both, y=(-0.9, -0.5), large=0)
    yield row(
        "two times, baseline SD",
        "SMD common",
        (200, 160, 200, 180),
        rho=both,
        sd=(1.2, 1.5, 1.1, 1.4),
        y=(-1.5, -1.0),
        common=(1, 400),
    )
    yield row(
        "shared control, SD of all arms",
        "SMD all",
        (150, 180, 160, 160),
        rho=control,
        y=(-2.0, -2.5),
        common=(1, 490),
    )
    for measure in COUNTS:
        reps = 60_000
        yield row(
            "two times", measure, (500, 500, 400, 400), rho=(0.5, 0.5), p=(0.5, 0.4, 0.3, 0.25), reps=reps
        )
        yield row(
            "two times, drop-out",
            measure,
            (600, 450, 500, 450),
            rho=(0.4, 0.6),
            p=(0.5, 0.4, 0.4, 0.3),
            reps=reps,
        )
        yield row(
            "shared control", measure, (500, 600, 500, 500), rho=control, p=(0.5, 0.6, 0.3, 0.3), reps=reps
        )
    yield row(
        "two times, 30 an arm",
        "OR",
        (30, 30, 30, 30),
        rho=(0.5, 0.5),
        p=(0.5, 0.4, 0.5, 0.4),
        reps=60_000,
        large=0,
    )


def own_units():
    """Standardised differences in units of other SDs than the pooled one."""
    both, control = (0.6, 0.6), ("", 1)
    yield row("shared control", "SMD control", (300, 500, 400, 400), rho=control, y=(-2.0, -2.5))
    sizes = (120, 200, 160, 160)
    yield row("shared control, 160 in it", "SMD control", sizes, rho=control, y=(-2.0, -2.5), large=0)
    yield row("two times, drop-out", "SMD control", (250, 160, 200, 150), rho=both, y=(-2.0, -1.5))
    yield row("correlations differ", "SMD control", (200, 160, 200, 200), rho=(0.9, 0.2), y=(-2.0, -1.5))
    spread = (1.5, 0.8, 1, 1)
    yield row("shared control", "SMD average", (120, 200, 160, 160), rho=control, sd=spread, y=(-2.0, -2.5))
    spread = (1.5, 1.3, 0.8, 1.2)
    yield row("two times, drop-out", "SMD average", (250, 160, 200, 150), rho=both, sd=spread, y=(-2.0, -1.5))
    spread = (1.2, 1.5, 1.1, 1.1)
    yield row("shared control", "SMD baseline", (120, 200, 160, 160), rho=control, sd=spread, y=(-2.0, -2.5))
    spread = (1.2, 1.5, 1.1, 1.4)
    yield row("two times", "SMD baseline", (200, 200, 160, 160), rho=both, sd=spread, y=(-1.5, -1.0))
    yield row(
        "shared control at two times",
        "SMD baseline",
        (150, 150, 200, 200),
        rho=("", 0.6),
        sd=spread,
        y=(-2, -2.5),
    )


def change_case():
    """Changes from one baseline: SDs of changes and their correlation come from the scores."""
    sd_b, s, r_b, r = 5.0, (6.0, 7.0), (0.5, 0.3), 0.6
    sd = [math.sqrt(sd_b**2 + x**2 - 2 * q * sd_b * x) for x, q in zip(s, r_b, strict=True)]
    rho = (r * s[0] * s[1] - r_b[0] * sd_b * s[0] - r_b[1] * sd_b * s[1] + sd_b**2) / (sd[0] * sd[1])
    one = row("changes from one baseline", "MD", (200, 150, 180, 160), rho=(rho, rho), sd=(*sd, *sd))
    cov = np.array([[1, *r_b], [r_b[0], 1, r], [r_b[1], r, 1]]) * np.outer((sd_b, *s), (sd_b, *s))
    return one, np.linalg.cholesky(cov)


def people(rng, size, n, sd, rho):
    """Scores (size, max n) on two occasions, mean zero, missing people as not-a-number."""
    count = max(n)
    x = rng.standard_normal((2, size, count))
    if rho != "":
        x[1] = x[0] if rho == 1 else rho * x[0] + math.sqrt(1 - rho**2) * x[1]
    return [sd[k] * x[k, :, : n[k]] for k in (0, 1)]


def means_and_squares(parts):
    return [(x.mean(axis=1), x.var(axis=1, ddof=1)) for x in parts]


def hedges(df):
    """Small-sample correction."""
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def in_own_units(rng, c, size):
    """Effects in units of the comparator SD, of both SDs, or of the SD of a baseline correlated 0.5."""
    kind = c["measure"].removeprefix("SMD ")
    t, k, first = [], [], []
    for arm, into in (("t", t), ("c", k)):
        n, sd = (c[f"n_{arm}_i"], c[f"n_{arm}_j"]), (c[f"sd_{arm}_i"], c[f"sd_{arm}_j"])
        scores = people(rng, size, n, sd, c[f"rho_{arm}"])
        into += means_and_squares(scores)
        if kind == "baseline":
            before = [
                0.5 * x / s + math.sqrt(0.75) * rng.standard_normal(x.shape)
                for x, s in zip(scores, sd, strict=True)
            ]
            if c[f"rho_{arm}"] != "":
                before[1] = before[0][:, : n[1]]
            first.append([x.var(axis=1, ddof=1) for x in before])
    effects = []
    for o, at in enumerate("ij"):
        n, m, s, z = (c[f"{name}_{at}"] for name in ("n_t", "n_c", "sd_t", "sd_c"))
        true = {"control": z, "average": math.sqrt((s**2 + z**2) / 2), "baseline": 1.0}[kind]
        if kind == "baseline":
            square = ((n - 1) * first[0][o] + (m - 1) * first[1][o]) / (n + m - 2)
        else:
            square = k[o][1] if kind == "control" else (t[o][1] + k[o][1]) / 2
        difference = c[f"y_{at}"] * true + t[o][0] - k[o][0]
        effects.append(hedges(m - 1 if kind == "control" else n + m - 2) * difference / np.sqrt(square))
    return effects


def continuous(rng, c, size):
    n_t, n_c = (c["n_t_i"], c["n_t_j"]), (c["n_c_i"], c["n_c_j"])
    sd_t, sd_c = (c["sd_t_i"], c["sd_t_j"]), (c["sd_c_i"], c["sd_c_j"])
    treated = people(rng, size, n_t, sd_t, c["rho_t"])
    control = people(rng, size, n_c, sd_c, c["rho_c"])
    t, k = means_and_squares(treated), means_and_squares(control)
    effects = []
    for o, y in enumerate((c["y_i"], c["y_j"])):
        difference = y * (c["sd"] or (1 if c["measure"] == "MD" else sd_t[o])) + t[o][0] - k[o][0]
        if c["measure"] == "SMD":
            df = n_t[o] + n_c[o] - 2
            pooled = ((n_t[o] - 1) * t[o][1] + (n_c[o] - 1) * k[o][1]) / df
            difference = (1 - 3 / (4 * df - 1)) * difference / np.sqrt(pooled)
        effects.append(difference)
    if c["measure"] == "SMD common":
        first = [0.5 * x[0] / x_sd[0] for x, x_sd in ((treated, sd_t), (control, sd_c))]
        first = [c["sd"] * (x + math.sqrt(0.75) * rng.standard_normal(x.shape)) for x in first]
        squares = sum((x.shape[1] - 1) * x.var(axis=1, ddof=1) for x in first) / (c["n_sd"] - 2)
        effects = [effect / np.sqrt(squares) for effect in effects]
    if c["measure"] == "SMD all":
        df = [n_t[0] - 1, n_t[1] - 1, n_c[0] - 1]
        squares = (df[0] * t[0][1] + df[1] * t[1][1] + df[2] * k[0][1]) / sum(df)
        effects = [effect / np.sqrt(squares) for effect in effects]
    return effects


def changes(rng, c, size, root):
    effects = [np.zeros(size), np.zeros(size)]
    for sign, arm in ((1, "t"), (-1, "c")):
        n = (c[f"n_{arm}_i"], c[f"n_{arm}_j"])
        scores = rng.standard_normal((size, max(n), 3)) @ root.T
        for o in (0, 1):
            effects[o] += sign * (scores[:, : n[o], 1 + o] - scores[:, : n[o], 0]).mean(axis=1)
    return effects


def events(rng, size, n, p, rho):
    """Events on two occasions, by thresholding a uniform for each person on each occasion."""
    count = max(n)
    first = rng.random((size, count)) < p[0]
    u = rng.random((size, count))
    if rho == "":
        second = u < p[1]
    elif rho == 1:
        second = first
    else:
        joint = p[0] * p[1] + rho * math.sqrt(p[0] * (1 - p[0]) * p[1] * (1 - p[1]))
        if not max(0, p[0] + p[1] - 1) <= joint <= min(p):
            raise ValueError(f"phi = {rho} is impossible for proportions {p}")
        second = u < np.where(first, joint / p[0], (p[1] - joint) / (1 - p[0]))
    return first[:, : n[0]].sum(axis=1), second[:, : n[1]].sum(axis=1)


def transformed(measure, a, n):
    p = a / n
    if measure == "OR":
        zero = (a == 0) | (a == n)
        return np.log((a + 0.5 * zero) / (n - a + 0.5 * zero))
    return {"RR": lambda: np.log(p), "RD": lambda: p, "AS": lambda: np.arcsin(np.sqrt(p))}[measure]()


def binary(rng, c, size):
    out = []
    for arm in ("t", "c"):
        n, p = (c[f"n_{arm}_i"], c[f"n_{arm}_j"]), (c[f"p_{arm}_i"], c[f"p_{arm}_j"])
        found = events(rng, size, n, p, c[f"rho_{arm}"])
        out.append([transformed(c["measure"], a, m) for a, m in zip(found, n, strict=True)])
    return [out[0][o] - out[1][o] for o in (0, 1)]


def simulate(rng, c, draw):
    draws = [draw(rng, c, CHUNK) for _ in range(c["replications"] // CHUNK)]
    i, j = (np.concatenate([d[o] for d in draws]) for o in (0, 1))
    product = (i - i.mean()) * (j - j.mean())
    return float(product.mean()), float(product.std() / math.sqrt(product.size))


def own_terms(c, i, j, rho):
    """The formula in units of other SDs: numerators, and the part of each arm's variance in the SD."""
    kind, total = c["measure"].removeprefix("SMD "), 0.0
    correction = 1.0
    for arm in ("t", "c"):
        u, f, n = [], [], []
        for at in (i, j):
            size, sd = c[f"n_{arm}_{at}"], c[f"sd_{arm}_{at}"]
            people, squares = c[f"n_t_{at}"] + c[f"n_c_{at}"], c[f"sd_t_{at}"] ** 2 + c[f"sd_c_{at}"] ** 2
            if kind == "control":
                u, f, n = [*u, 1.0], [*f, float(arm == "c")], [*n, size]
            elif kind == "average":
                u, f, n = [*u, sd / math.sqrt(squares / 2)], [*f, sd**2 / squares], [*n, size - 1]
            else:
                u, f, n = [*u, hedges(people - 2) * sd], [*f, size / people], [*n, size]
        same = float(rho[arm] != 0) if kind == "baseline" else rho[arm]
        total += rho[arm] * u[0] * u[1] / max(n)
        total += same**2 * c[f"y_{i}"] * c[f"y_{j}"] * f[0] * f[1] / (2 * max(n))
    if kind == "average":
        correction = math.prod(hedges(c[f"n_t_{at}"] + c[f"n_c_{at}"] - 2) for at in (i, j))
    return correction * total


def terms(c, i, j, rho):
    """The formula, written out for one pair of occasions i, j (which may be the same)."""
    if c["measure"] in ("SMD control", "SMD average", "SMD baseline"):
        return own_terms(c, i, j, rho)
    total = 0.0
    for arm in ("t", "c"):
        r = rho[arm]
        n, k = c[f"n_{arm}_{i}"], c[f"n_{arm}_{j}"]
        people = min(n, k) / (n * k)
        if c["measure"] in COUNTS:
            p, q = c[f"p_{arm}_{i}"], c[f"p_{arm}_{j}"]
            scale = {"OR": (p * (1 - p), q * (1 - q)), "RR": (p, q), "RD": (1, 1)}.get(c["measure"])
            sd = (
                [math.sqrt(x * (1 - x)) / s for x, s in zip((p, q), scale, strict=True)]
                if scale
                else [0.5, 0.5]
            )
        else:
            sd = [c[f"sd_{arm}_{i}"], c[f"sd_{arm}_{j}"]]
            if c["measure"] == "SMD":
                sizes = [c[f"n_t_{o}"] + c[f"n_c_{o}"] for o in (i, j)]
                total += r**2 * min(n, k) * c[f"y_{i}"] * c[f"y_{j}"] / (2 * sizes[0] * sizes[1])
        total += r * sd[0] * sd[1] * people / (c["sd"] or 1) ** 2
    if c["sd"]:
        total += c[f"y_{i}"] * c[f"y_{j}"] / (2 * c["n_sd"])
    return total


def main():
    rng = np.random.default_rng(SEED)
    out = []
    jobs = [(c, binary if c["measure"] in COUNTS else continuous) for c in cases()]
    one, root = change_case()
    jobs.append((one, lambda rng, c, size: changes(rng, c, size, root)))
    jobs += [(c, in_own_units) for c in own_units()]
    for c, draw in jobs:
        c["simulated"], c["mc_error"] = simulate(rng, c, draw)
        rho = {arm: c[f"rho_{arm}"] or 0.0 for arm in ("t", "c")}
        c["formula"] = terms(c, "i", "j", rho)
        v = [terms(c, o, o, {"t": 1.0, "c": 1.0}) for o in ("i", "j")]
        assumed = 0.5 if 1 in (c["rho_t"], c["rho_c"]) else max(rho.values())
        c["naive"] = assumed * math.sqrt(v[0] * v[1])
        out.append(c)
        off = (c["formula"] - c["simulated"]) / c["mc_error"]
        print(
            f"{c['measure']:10} {c['case']:32} {c['simulated']:.6f} ({c['mc_error']:.6f}) {c['formula']:.6f} "
            f"{off:+.2f} naive {c['naive'] / c['simulated'] - 1:+.1%} formula {c['formula'] / c['simulated'] - 1:+.2%}"
        )
    with Path(__file__).with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{x:.17g}" if isinstance(x, float) else x for k, x in c.items()} for c in out)


if __name__ == "__main__":
    main()
