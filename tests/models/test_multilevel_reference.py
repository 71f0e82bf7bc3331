"""multilevel against metafor's rma.mv: tests/reference/multilevel.R, 70 models of 18 data sets."""

import csv
import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km

HERE = Path(__file__).resolve().parents[1] / "reference"
TOLERANCE = 1e-6


def read(name):
    with (HERE / f"multilevel_{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(text):
    return float(text) if text not in ("", "NA") else np.nan


SHARED = {"ishak2007ind": "ishak2007", "assink2016ind": "assink2016"}
FITS = {row["fit"]: row for row in read("fits") if not row["weights"]}


@functools.cache
def data(name):
    table = pd.read_csv(HERE / f"multilevel_{SHARED.get(name, name)}.csv")
    v = np.diag(table["vi"].to_numpy(dtype=float))
    for row in read("v"):
        if row["data"] == name:
            i, j = int(row["row"]) - 1, int(row["col"]) - 1
            v[i, j] = v[j, i] = float(row["value"])
    return table, v


@functools.cache
def values():
    found = {}
    for row in read("values"):
        found.setdefault((row["fit"], row["quantity"]), []).append((row["name"], number(row["value"])))
    return found


def terms(row):
    """The model of one row in our words."""
    texts = [text for text in row["random"].split(" ; ") if text]
    kinds = [kind for kind in row["struct"].split(" ; ") if kind]
    random, structure = [], []
    for text in texts:
        if "|" in text:
            random.append(text.replace("|", " | "))
            structure.append(kinds.pop(0))
        else:
            random.append(f"1 | {text}")
            structure.append("CS")
    return random, structure


@functools.cache
def fitted(fit, **choices):
    row = FITS[fit]
    table, v = data(row["data"])
    table = table.assign(vi=np.diag(v))
    random, structure = terms(row)
    fixed = dict(HELD.get(fit, {}))
    pairs = [text for text in random if not text.startswith("1 |")]
    for name, pair in zip(("rho", "phi"), pairs, strict=False):
        if row[name]:
            fixed[f"rho({pair})"] = float(row[name])
    moderators = row["mods"].removeprefix("1 + ")
    return km.multilevel(
        table,
        V=v,
        moderators=moderators,
        random=random,
        structure=structure,
        method="ML" if row["method"] == "FE" else row["method"],
        options=km.MultilevelOptions(fixed=fixed, **choices),
    )


# The reference has the correlation of CAR at 0; the likelihood is higher, by 1.6e-7, at 6.8e-8 a week.
SHORT = {"psilodep_CAR"}
# One level stands in one study only, so that its variance cannot be told from its mean: metafor leaves it at 0.
HELD = {"assink_DIAG": {"tau2(deltype = covert | study)": 0.0}}
SETTLED = [fit for fit in FITS if fit not in SHORT]
# A level or a drug of one study alone: no covariance of full rank is left, which clubSandwich does not say.
ON_ONE_CLUSTER = {
    ("assink_deltype", "zero_all"),
    ("assink_DIAG", "zero_all"),
    ("senn_contrasts", "differences"),
}
CLUSTERED = [fit for fit in SETTLED if FITS[fit]["cluster"]]


def close(found, expected, scale=0.0):
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * scale + 1e-12)


def column(fit, quantity):
    return np.array([value for _, value in values()[fit, quantity]])


@pytest.mark.parametrize("fit", sorted(SHORT))
def test_higher_than_the_reference(fit):
    assert fitted(fit).loglik > column(fit, "logLik")[0] + 1e-8


@pytest.mark.parametrize("fit", SETTLED)
def test_likelihood_and_components(fit):
    found = fitted(fit)
    (expected,) = column(fit, "logLik")
    np.testing.assert_allclose(found.loglik, expected, rtol=0, atol=1e-8 * max(1.0, abs(expected)))
    if (fit, "component") in values():
        free = found.components.loc[~found.components["fixed"], "estimate"].to_numpy(dtype=float)
        reference = column(fit, "component")
        if fit in HELD:
            reference = reference[reference != 0]
            free = free[free > 0]
        known = ~np.isnan(free)
        size = float(np.max(reference, initial=0.0))
        close(free[known], reference[known], scale=min(1.0, size))
    close([found.aic, found.bic, found.aicc], [column(fit, name)[0] for name in ("AIC", "BIC", "AICc")])


@pytest.mark.parametrize("fit", SETTLED)
def test_coefficients_and_their_tests(fit):
    rows = fitted(fit, test="z").to_frame()
    size = rows["se"].max()
    for name, quantity in (
        ("estimate", "estimate"),
        ("se", "se"),
        ("ci_low", "ci_low"),
        ("ci_high", "ci_high"),
    ):
        close(rows[name], column(fit, quantity), scale=size)
    close(rows["p"], column(fit, "p"), scale=1e-2)
    found = fitted(fit, test="z")
    close([found.qm, found.qm_df1, found.qm_p], column(fit, "QM"), scale=1e-2)
    close([found.qe, found.qe_df, found.qe_p], column(fit, "QE"), scale=1e-2)
    by_t = fitted(fit, df="residual")
    rows = by_t.to_frame()
    close(rows["ci_low"], column(fit, "t_ci_low"), scale=size)
    close(rows["ci_high"], column(fit, "t_ci_high"), scale=size)
    close(rows["p"], column(fit, "t_p"), scale=1e-2)
    close([by_t.qm, by_t.qm_df1, by_t.qm_df2, by_t.qm_p], column(fit, "t_QM"), scale=1e-2)
    if (fit, "vcov") in values():
        lower = np.array([[int(part) - 1 for part in name.split()] for name, _ in values()[fit, "vcov"]])
        close(by_t.cov[lower[:, 0], lower[:, 1]], column(fit, "vcov"), scale=size**2)


@pytest.mark.parametrize("fit", [fit for fit in SETTLED if (fit, "contain_df") in values()])
def test_degrees_of_freedom_by_containment(fit):
    rows = fitted(fit).to_frame()
    left = ~rows["df"].isna().to_numpy()
    expected = column(fit, "contain_df")
    np.testing.assert_array_equal(rows["df"][left], expected[left])
    close(rows["p"][left], column(fit, "contain_p")[left], scale=1e-2)
    # With no more groups than coefficients there are none; metafor takes 1.
    assert (expected[~left] == 1).all()


@pytest.mark.parametrize("fit", SETTLED)
def test_fitted_values_and_residuals(fit):
    found = fitted(fit)
    at = np.array([int(name) - 1 for name, _ in values()[fit, "fitted"]])
    size = np.abs(found.yi).max()
    close(found.fitted[at], column(fit, "fitted"), scale=size)
    close(found.residuals()[at], column(fit, "residual"), scale=size)
    if (fit, "residual_z") in values():
        reference = column(fit, "residual_z")
        # Where an effect determines a coefficient alone, its residual is 0 but for rounding.
        sound = column(fit, "residual_se") > 1e-6 * np.sqrt(found.vi[at])
        close(found.residuals("standardised")[at][sound], reference[sound], scale=1.0)


@pytest.mark.parametrize("test", ["z", "t"])
@pytest.mark.parametrize("fit", [fit for fit in SETTLED if (fit, "predict_z_pred") in values()])
def test_predictions(fit, test):
    found = fitted(fit, test=test, df="residual")
    rows = found.predict()
    size = rows["se"].max()
    for name, quantity in (
        ("estimate", "pred"),
        ("se", "se"),
        ("ci_low", "ci.lb"),
        ("ci_high", "ci.ub"),
        ("pi_low", "pi.lb"),
        ("pi_high", "pi.ub"),
    ):
        if (fit, f"predict_{test}_{quantity}") in values():
            at = [int(place) - 1 for place, _ in values()[fit, f"predict_{test}_{quantity}"]]
            close(rows[name].to_numpy()[at], column(fit, f"predict_{test}_{quantity}"), scale=size)


@functools.cache
def robust_rows(name):
    found = {}
    for row in read(name):
        found.setdefault((row["fit"], row.get("type") or row["constraint"]), []).append(row)
    return found


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2"])
@pytest.mark.parametrize("fit", CLUSTERED)
def test_cluster_robust(fit, kind):
    found = fitted(fit).robust(FITS[fit]["cluster"], kind=kind)
    rows, expected = found.to_frame(), robust_rows("robust")[fit, kind]
    se = np.array([number(row["se"]) for row in expected])
    sound = se > 1e-6 * se.max()
    close(rows["se"][sound], se[sound])
    if kind == "CR2":
        df = np.array([number(row["df"]) for row in expected])
        close(rows["df"][sound], df[sound])
        close(rows["p"][sound], np.array([number(row["p"]) for row in expected])[sound], scale=1e-2)
    if (fit, f"vcov_{kind}") in values():
        lower = np.array(
            [[int(part) - 1 for part in name.split()] for name, _ in values()[fit, f"vcov_{kind}"]]
        )
        close(found.cov[lower[:, 0], lower[:, 1]], column(fit, f"vcov_{kind}"), scale=float(se.max()) ** 2)


@pytest.mark.parametrize("fit", sorted({fit for fit, _ in robust_rows("wald") if fit in CLUSTERED}))
def test_joint_robust_tests(fit):
    found = fitted(fit).robust(FITS[fit]["cluster"])
    p = len(found.cov)
    weights = {"zero_all": np.eye(p), "differences": np.diff(np.eye(p), axis=0), "last_two": np.eye(p)[-2:]}
    for (name, constraint), rows in robust_rows("wald").items():
        for row in rows if name == fit else ():
            if row["test"] != "HTZ" or not number(row["df"]) > 0:
                continue
            if (fit, constraint) in ON_ONE_CLUSTER:
                with pytest.raises(km.errors.ModelError, match="single cluster"):
                    found.test(weights[constraint])
                continue
            tested = found.test(weights[constraint])
            close([tested.stat, tested.df2], [number(row["stat"]), number(row["df"])])
            close(tested.p, number(row["p"]), scale=1e-2)


def component_of(fit, name):
    """Our name of ``sigma2.1`` and the like: components in their order."""
    names = [name for name, _ in values()[fit, "component"]]
    free = fitted(fit).components
    return free.loc[~free["fixed"], "component"].tolist()[names.index(name)]


@pytest.mark.parametrize(
    "row",
    [row for row in read("profile") if row["fit"] in SETTLED],
    ids=lambda row: f"{row['fit']} {row['component']}",
)
def test_profile_intervals(row):
    found = fitted(row["fit"]).profile(component_of(row["fit"], row["component"]))
    expected = [number(row["low"]), number(row["high"])]
    size = max(abs(number(row["estimate"])), abs(expected[1]))
    close([found.low, found.high], expected, scale=size)


PRINTED = [
    row
    for row in read("printed")
    if row["fit"] in SETTLED and row["quantity"] in ("component", "estimate", "se", "QE")
]


@pytest.mark.parametrize("row", PRINTED, ids=lambda row: f"{row['fit']} {row['quantity']} {row['name']}")
def test_printed_values(row):
    """What the pages of the data sets print, to their last digit."""
    found = fitted(row["fit"])
    names = [name for name, _ in values()[row["fit"], row["quantity"]]]
    at = names.index(row["name"])
    of = {
        "component": found.components.loc[~found.components["fixed"], "estimate"].to_numpy(dtype=float),
        "estimate": found.beta,
        "se": np.sqrt(np.diag(found.cov)),
        "QE": [found.qe, found.qe_df, found.qe_p],
    }[row["quantity"]][at]
    decimals = len(row["printed"].lstrip("<").partition(".")[2])
    if row["printed"].startswith("<"):
        assert of < float(row["printed"][1:])
    else:
        assert abs(of - float(row["printed"])) <= 0.51 * 10.0**-decimals
