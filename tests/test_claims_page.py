"""docs/claims.md: prose and table hold no number and no verdict that the code of their section does not print."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
CODE = re.compile(r"^```python\n(.*?)^```$", flags=re.M | re.S)
NUMBER = re.compile(r"(?<![\w.])[−-]?\d+(?:\.\d+)?|(?<=[a-z])(?:19|20)\d\d")
VERDICT = re.compile(
    r"(?:one trial|few trials|several trials agree|several trials may differ); "
    r"interval (?:excludes no difference|includes no difference|turns on its method)"
)
ROW = re.compile(
    r"^\| \[(?P<claim>[^\]]+)\]\(#(?P<id>[\w-]+)\) \| (?P<holds>.*?) \| (?P<words>.*?) \|$", flags=re.M
)


def sections(page):
    """Text of each claim by its anchor."""
    parts = re.split(r"^\(([\w-]+)\)=$", page, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def output(section):
    """What the code of a section prints."""
    lines = "\n".join(CODE.findall(section)).splitlines()
    return "\n".join(line for line in lines if not line.startswith((">>>", "...")))


def sentences(text):
    """A text without its code, the level of intervals, and k = 1, which "one trial" prints."""
    return re.sub(r"95%|\bk = 1\b", "", CODE.sub("", text))


def numbers(text):
    return [float(found.replace("−", "-")) for found in NUMBER.findall(text)]


def strays(page):
    """Numbers and verdicts of sentences and table that no code of their section prints."""
    found = []
    said = {name: [text] for name, text in sections(page).items()}
    for row in ROW.finditer(page):
        said[row["id"]].append(f"{row['holds']} {row['words']}")
    for name, texts in said.items():
        printed = output(sections(page)[name])
        known = set(numbers(printed))
        for text in texts:
            found += [(name, value) for value in numbers(sentences(text)) if value not in known]
            if re.search(r"\bk = 1\b", CODE.sub("", text)) and "one trial" not in printed:
                found.append((name, "k = 1"))
            found += [
                (name, verdict) for verdict in VERDICT.findall(sentences(text)) if verdict not in printed
            ]
    return found


def pooled(vi, yi):
    """REML by a bounded search, and the Hartung-Knapp interval, in plain numpy."""

    def criterion(tau2):
        weight = 1 / (vi + tau2)
        mean = weight @ yi / weight.sum()
        return np.log(vi + tau2).sum() + np.log(weight.sum()) + weight @ (yi - mean) ** 2

    tau2 = optimize.minimize_scalar(criterion, bounds=(0, 10), method="bounded", options={"xatol": 1e-12}).x
    tau2 = 0.0 if criterion(0.0) <= criterion(tau2) else tau2
    weight = 1 / (vi + tau2)
    mean = weight @ yi / weight.sum()
    spread = np.sqrt(weight @ (yi - mean) ** 2 / (yi.size - 1) / weight.sum())
    half = stats.t.ppf(0.975, yi.size - 1) * spread
    return mean, mean - half, mean + half


def first(section, words):
    """Estimate and interval of the first sentence of a section that begins with some words."""
    line = next(line for line in output(sections(PAGE)[section]).splitlines() if line.startswith(words))
    low, high = re.search(r"95% CI (\S+) to ([^;)]+)", line).groups()
    return [float(each.replace("−", "-")) for each in (line.split(" was ")[1].split()[0], low, high)]


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(ROOT / "data" / "trials.csv", keep_default_na=True, low_memory=False).set_index(
        "study_id"
    )


def test_every_claim_has_its_row_and_its_parts():
    rows, texts = list(ROW.finditer(PAGE)), sections(PAGE)
    assert [row["id"] for row in rows] == list(texts)
    assert len(rows) == 10
    for row in rows:
        assert f"\n## {row['claim']}\n" in texts[row["id"]]
        assert "**What the data cannot say.**" in texts[row["id"]]
    for name in list(texts)[:-1]:
        assert "**What the trials show.**" in texts[name]
        assert "**How sure.**" in texts[name]


def test_every_number_and_verdict_of_the_page_is_printed_by_its_code():
    assert strays(PAGE) == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("by −4.76 points", "by −4.67 points"),
        ("| MADRS −4.76", "| MADRS 4.76"),
        ("| one trial; interval includes no difference |", "| few trials; interval includes no difference |"),
    ],
)
def test_a_number_or_verdict_of_another_making_is_found(was, becomes):
    assert PAGE.count(was) >= 1
    assert strays(PAGE.replace(was, becomes, 1))


def test_relief_at_hours_by_hand(table):
    rows = table[
        (table["outcome"] == "depression") & (table["instrument"] == "MADRS") & (table["status"] == "include")
    ]
    arms = rows[
        rows.index.str.startswith("daly2018_p1_")
        & (rows["time_hours"] == 2)
        & (rows["score_type"] == "change")
    ]
    assert len(arms) == 3
    n, mean, se = (arms[name].to_numpy(float) for name in ("n_t", "mean_t", "se_t"))
    whole = n @ mean / n.sum()
    variance = ((n - 1) @ (n * se**2) + n @ (mean - whole) ** 2) / (n.sum() - 1)
    placebo = arms.iloc[0]
    yi, vi = [whole - placebo["mean_c"]], [variance / n.sum() + placebo["se_c"] ** 2]
    for name in ("canuso2018", "ionescu2021"):
        row = rows.loc[[name]].query("time_hours == 4").iloc[0]
        yi.append(row["contrast_value"])
        se = row["contrast_se"]
        if np.isnan(se):
            se = (row["contrast_ci_high"] - row["contrast_ci_low"]) / (2 * stats.norm.ppf(0.975))
        vi.append(se**2)
    found = first("within-hours", "The pooled MD")
    assert found == pytest.approx(pooled(np.array(vi), np.array(yi)), abs=0.0051)


def test_dissociation_by_hand(table):
    rows = table[
        (table["outcome"] == "dissociation")
        & (table["status"] == "include")
        & (table["route"] == "IN")
        & (table["definition"] == "adverse event reported")
        & (table["dosing"] == "repeated")
    ]
    yi, vi = [], []
    trials = ("ionescu2021", "takahashi2021", "chen2023", "janik2025", "popova2019", "fu2020", "fedgchin2019")
    for name in trials:
        arms = rows[rows["cohort_id"] == name]
        a, n1 = arms["events_t"].sum(), arms["total_t"].sum()
        c, n2 = arms["events_c"].iloc[0], arms["total_c"].iloc[0]
        yi.append(np.log(a / n1 / (c / n2)))
        vi.append(1 / a - 1 / n1 + 1 / c - 1 / n2)
    by_hand = np.exp(pooled(np.array(vi), np.array(yi)))
    assert first("side-effects", "The pooled RR") == pytest.approx(by_hand, abs=0.0051)


def test_esketamine_beside_racemic_ketamine_by_hand(table):
    row = table.loc[["correiamelo2020"]].query("time_hours == 24 and outcome == 'depression'").iloc[0]
    difference = row["mean_t"] - row["mean_c"]
    half = stats.norm.ppf(0.975) * np.sqrt(row["sd_t"] ** 2 / row["n_t"] + row["sd_c"] ** 2 / row["n_c"])
    found = first("esketamine-racemic", "The MD of the only study")
    assert found == pytest.approx([difference, difference - half, difference + half], abs=0.0051)


def test_both_trials_of_suicidal_ideation_favour_ketamine(table):
    assert (
        table.loc[["grunebaum2017", "grunebaum2018"]].query(
            "instrument == 'SSI' and contrast_measure == 'MD'"
        )["contrast_value"]
        < 0
    ).all()
    price = (
        table.loc[["price2014"]]
        .query("instrument == 'BSS' and time_hours == 24 and score_type == 'endpoint'")
        .iloc[0]
    )
    assert price["mean_t"] < price["mean_c"]
