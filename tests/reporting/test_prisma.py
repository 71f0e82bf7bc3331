"""PRISMA 2020, items 12 to 20: what is filled comes from the results, the rest is left to the authors."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.curves import compare
from ketameta.errors import DataError, FigureError
from ketameta.models import permutation
from ketameta.reporting import prisma_items

YI, VI = [-1.10, -0.35, -0.62, -0.18, -0.80], [0.09, 0.05, 0.04, 0.07, 0.11]
TABLE = pd.DataFrame({"yi": YI, "vi": VI, "drug": list("kkekk"), "year": [2000, 2006, 2010, 2013, 2018]})
ITEMS = [
    "12",
    "13a",
    "13b",
    "13c",
    "13d",
    "13e",
    "13f",
    "14",
    "15",
    "16a",
    "16b",
    "17",
    "18",
    "19",
    "20a",
    "20b",
    "20c",
    "20d",
]
LEFT = "Not by ketameta: "


@pytest.fixture(scope="module")
def fit():
    asked = {"indication": "MDD", "outcome": "depression", "comparator": ["inactive", "psychoactive"]}
    return km.pool(km.effect_sizes(km.select(km.load_trials(), hours=(18, 36), **asked)))


def frame(*results, **options):
    return prisma_items(*results, **options).to_frame().set_index("item")


def test_items_stand_in_the_order_and_under_the_numbers_of_the_checklist(fit):
    found = frame(fit)
    assert list(found.index) == ITEMS
    assert set(found["filled"]) <= {"yes", "in part", "no"}
    for item, row in found.iterrows():
        assert row["topic"], item
        assert (row["filled"] == "no") == row["text"].startswith(LEFT)
        assert (row["filled"] == "yes") == (LEFT not in row["text"])


def test_items_say_what_the_methods_and_the_results_say(fit):
    found, methods = frame(fit), km.methods_text(fit).text
    assert "standardised mean difference" in found.loc["12", "text"]
    assert "Hartung-Knapp-Sidik-Jonkman" in found.loc["13d", "text"]
    assert f"ketameta {km.__version__}" in found.loc["13d", "text"]
    for item in ("13a", "13b"):
        filled = found.loc[item, "text"].split(LEFT)[0].strip()
        assert re.sub(r"2026\b", "2026a", filled) in methods
    assert found.loc["20b", "text"] == f"Analysis 1: {fit.sentence()} Values below 0 favour ketamine."


def test_causes_of_heterogeneity_and_robustness_are_filled_only_where_they_were_looked_for(fit):
    alone = frame(fit)
    assert set(alone.loc[["13c", "13e", "13f", "14", "15", "18", "20c", "20d"], "filled"]) == {"no"}
    pool = km.pool(TABLE)
    groups, line, test = km.subgroups(TABLE, "drug", ci="Wald"), km.regress(TABLE, "year"), permutation(pool)
    found = frame(pool, groups, line, test)
    assert found.loc["20c", "text"] == f"{groups.sentence()} {line.sentence()}"
    assert found.loc["13e", "filled"] == "in part"
    assert "Subgroups by drug" in found.loc["13e", "text"]
    assert "were pooled under" not in found.loc["13e", "text"]
    assert test.sentence() in found.loc["20d", "text"]
    assert "sign flips" in found.loc["13f", "text"]


def test_effects_that_were_given_leave_measure_and_studies_to_the_authors():
    found = frame(km.pool(TABLE))
    assert found.loc["12", "filled"] == "in part"
    assert "which direction favours ketamine in analysis 1" in found.loc["20b", "text"]
    assert found.loc["17", "filled"] == "in part"
    assert frame(km.pool(yi=YI, vi=VI)).loc["17", "text"].startswith((LEFT, "Characteristics"))


def test_ratios_favour_below_or_above_one():
    table = TABLE.assign(measure="OR", outcome="response", higher_is_worse=False)
    assert "Values above 1 favour ketamine." in frame(km.pool(table)).loc["20b", "text"]
    effects = prisma_items(km.pool(table)).tables["19"]
    assert np.allclose(effects["effect"].astype(float), np.exp(YI))


def test_a_multilevel_model_of_logs_is_read_against_zero():
    table = TABLE.assign(measure="OR", outcome="response", higher_is_worse=False, study=list("abcde"))
    said = frame(km.multilevel(table, random="1 | study")).loc["20b", "text"]
    assert "(log scale)" in said
    assert "Values above 0 favour ketamine." in said


def test_rows_in_no_synthesis_are_no_excluded_studies(fit):
    found = frame(fit)
    assert found.loc["16b", "filled"] == "no"
    assert f"{len(fit.left_out)} rows that had been selected entered no synthesis" in found.loc["20a", "text"]
    assert "entered no synthesis" not in frame(km.pool(TABLE)).loc["20a", "text"]
    assert "studies that are in no analysis" in found.loc["17", "text"]


def test_moderators_of_curves_and_robust_tests_are_causes_of_heterogeneity():
    times = pd.DataFrame(
        {
            **{
                "cohort_id": list("aabbccdd"),
                "time_hours": [24, 168] * 4,
                "vi": 0.05,
                "route": list("iiiiaaaa"),
            },
            "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7, -0.5, -0.3],
        }
    )
    moderated, plain = km.durability(times, moderators="route"), km.durability(times)
    assert moderated.sentence() in frame(moderated).loc["20c", "text"]
    assert frame(plain).loc["20c", "filled"] == "no"
    model = km.multilevel(TABLE.assign(study=list("aabbc")), random="1 | study", moderators="year")
    assert frame(model.robust("study")).loc["20c", "filled"] == "yes"
    both = compare(times, curves=["piecewise", "polynomial"])
    assert both.curves[0].sentence() in frame(both).loc["20b", "text"]


def test_tables_hold_the_rows(fit):
    tables = prisma_items(fit).tables
    assert list(tables) == ["17", "19", "20a"]
    assert tables["20a"]["reason"].tolist() == fit.left_out["reason"].tolist()
    assert set(tables["17"]["report"]) == set(fit.rows["report"])
    effects = tables["19"]
    assert effects["effect"].astype(float).tolist() == fit.yi.tolist()
    half = (effects["ci_high"] - effects["ci_low"]).astype(float) / 2
    assert np.allclose(half / 1.959963984540054, np.sqrt(fit.vi))


def test_judgements_are_counted_in_each_analysis(fit):
    labels = fit.rows["label"].tolist()
    rob = pd.DataFrame({"study": labels, "D1": "low", "overall": ["high", *["low"] * (len(labels) - 1)]})
    made = prisma_items(fit, rob=rob)
    found = made.to_frame().set_index("item")
    assert f"low {len(labels) - 1}, high 1" in found.loc["20a", "text"]
    assert f"RoB 2 was judged in {len(labels)} trials" in found.loc["18", "text"]
    assert made.tables["18"]["study"].tolist() == labels
    with pytest.raises(FigureError, match="D1"):
        prisma_items(fit, rob=rob.assign(D1="perhaps"))
    with pytest.raises(FigureError, match="DataFrame"):
        prisma_items(fit, rob="rob.csv")


def test_forms(fit):
    made = prisma_items(fit)
    lines = made.to_markdown().splitlines()
    assert len(lines) == 2 + len(ITEMS)
    assert all(line.startswith("| ") or line.startswith("|--") or " --- " in line for line in lines)
    assert "…<" not in made.to_html()
    assert made.to_html().count("<tr>") > len(ITEMS)
    assert json.loads(json.dumps(made.to_dict()))["items"][0]["item"] == "12"
    assert made.sentence().startswith("Of 18 items 12 to 20 of PRISMA 2020 the results fill ")
    assert "Page et al. 2021" in str(made)


def test_every_kind_of_result_is_taken():
    model = km.multilevel(TABLE.assign(study=list("aabbc"), trial=list("vwxyz")), random="1 | study/trial")
    counts = km.counts([4, 6, 3], [23, 36, 31], [11, 29, 11], [29, 33, 20])
    found = frame(model, model.robust("study"), counts, km.bayes(TABLE))
    assert "odds ratio (OR)" in frame(counts).loc["12", "text"]
    assert "were given and not computed" in frame(model.robust("study")).loc["12", "text"]
    for i in range(1, 5):
        assert f"Analysis {i}: " in found.loc["20b", "text"]


def test_hostile_names_are_escaped():
    table = TABLE.assign(drug=["a|b", "a|b", "<b>", "<b>", "<b>"])
    made = prisma_items(km.subgroups(table, "drug", ci="Wald"))
    assert "a\\|b" in made.to_markdown()
    assert "<b>" not in made.to_html()


def test_what_is_no_result_is_refused():
    with pytest.raises(DataError, match="needs a result"):
        prisma_items()
    with pytest.raises(DataError, match="no methods are known"):
        prisma_items("text")
