"""The documentation of the search agrees with the files that it counts; no source is an address without a name."""

import csv
import re
from pathlib import Path

import pytest

import ketameta as km
from ketameta.evidence import load_missing, load_published

DATA = Path(__file__).resolve().parents[2] / "data"


def lines(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_flow_counts_what_the_files_hold():
    trials, left = km.load_trials(), lines("search/left_out.csv")
    include = trials["status"] == "include"
    result = include & (trials["score_type"] != "baseline")
    assert {row["what"]: int(row["count"]) for row in lines("search/flow.csv")} == {
        "rows read from sources": len(trials),
        "rows that may enter a pool": int(include.sum()),
        "rows kept apart": int((~include).sum()),
        "cohorts with any row": trials["cohort_id"].nunique(),
        "cohorts with a result that may enter a pool": trials.loc[result, "cohort_id"].nunique(),
        "trials or parts of trials without usable numbers": len(load_missing()),
        "trials seen and left out": sum(row["kind"] == "trial" for row in left),
        "reviews seen and left out": sum(row["kind"] == "review" for row in left),
        "published pooled results": len(load_published()),
        "published reviews": load_published()["review"].nunique(),
    }


def test_what_was_left_out_is_not_in_the_data():
    known = set(km.load_trials()["study_id"]) | set(load_missing()["study_id"])
    for row in lines("search/left_out.csv"):
        assert row["why"]
        assert row["source_url"]
        if row["kind"] == "trial" and row["why"] != "has a row in trials.csv":
            assert row["id"] not in known


def test_strings_stand_once_with_a_date():
    strings = lines("search/strings.csv")
    assert len({row["string"] for row in strings}) == len(strings)
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", row["date"]) for row in strings)


@pytest.mark.parametrize(
    "name",
    [
        "trials.csv",
        "missing.csv",
        "published.csv",
        "moderators.csv",
        "risk_of_bias.csv",
        "search/left_out.csv",
    ],
)
def test_every_address_has_a_name(name):
    for row in lines(name):
        address = row["source_url"]
        assert not re.match(r"https?://\d", address), address
        assert not address or re.match(r"https?://[a-z]|github:[^/]+/[^/]+/.+@[0-9a-f]{40}$", address), (
            address
        )


def test_registry_numbers_of_known_trials_are_not_listed_as_missing_under_another_name():
    trials, missing = km.load_trials(), load_missing()
    held = {
        number: set(rows["study_id"]) | set(rows["cohort_id"])
        for number, rows in trials.groupby("registry_id")
        if number
    }
    for row in missing.to_dict("records"):
        for number in filter(None, re.split(r";\s*", row["registry_id"])):
            if number in held and row["study_id"].startswith(("nct", "eudract")):
                assert row["study_id"] in held[number]
