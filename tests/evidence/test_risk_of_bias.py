"""Published judgements of risk of bias: whole, with sources, and in the form that the figures take."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError
from ketameta.evidence import judgements, load_missing, load_risk_of_bias, risk_of_bias


def test_each_judgement_is_of_a_known_trial_and_names_its_review_and_page():
    table = load_risk_of_bias()
    known = set(km.load_trials()["cohort_id"]) | set(load_missing()["study_id"])
    assert set(table["cohort_id"]) <= known
    assert table["source_url"].str.startswith("https://pmc.ncbi.nlm.nih.gov/").all()
    assert set(table["judgement"]) == {"Low risk", "Unclear risk", "High risk"}
    assert (table["checked"] != "").all()


def test_the_wide_table_holds_every_judgement_once():
    table, wide = load_risk_of_bias(), judgements("RoB 1").set_index("study")
    assert wide.columns.tolist() == sorted(wide.columns)
    for row in table.to_dict("records"):
        assert wide.loc[row["cohort_id"], f"{row['domain']}: {row['domain_name']}"] == row["judgement"]
    assert (wide != "").sum().sum() == len(table)


def test_the_figures_take_them():
    ax = km.rob_plot(judgements("RoB 1"), tool="RoB 1")
    assert len(ax.get_yticklabels()) == load_risk_of_bias()["cohort_id"].nunique()
    plt.close("all")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tool": "RoB 3"}, "no judgement with tool='RoB 3'"),
        ({"tool": "RoB 1", "review": "nobody2020"}, "no judgement with review='nobody2020'"),
    ],
)
def test_an_unknown_tool_or_review_is_refused(arguments, words):
    with pytest.raises(DataError, match=words):
        judgements(**arguments)


def test_two_reviews_of_one_trial_need_a_name(monkeypatch):
    table = load_risk_of_bias()
    twice = pd.concat([table, table.iloc[:1].assign(review="other2024", judgement="High risk")])
    monkeypatch.setattr(risk_of_bias, "load_risk_of_bias", lambda: twice)
    with pytest.raises(
        DataError, match=r"judged more than once \(cochrane2021\w+, other2024\): name the review"
    ):
        judgements("RoB 1")
    alone = judgements("RoB 1", review="other2024")
    assert alone.iloc[0, 1] == "High risk"
