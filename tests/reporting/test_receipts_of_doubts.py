"""Receipts of what says whether a result would stand: each is computed again from its text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import ketameta as km
from ketameta import robustness
from ketameta.evidence import load_missing
from ketameta.models import Pooled
from ketameta.reporting import receipt
from ketameta.reporting.replaying import MAKES

WHERE = {
    "indication": "MDD",
    "outcome": "depression",
    "hours": (18, 36),
    "at": 24,
    "dosing": "single",
    "comparator": ["inactive", "psychoactive"],
}
DOUBTS: dict[str, Callable[[Pooled], Any]] = {
    "begg": robustness.begg,
    "bias": km.bias,
    "cumulative": lambda fit: km.cumulative(fit, by="precision", reverse=True),
    "egger": lambda fit: robustness.egger(fit, model="mixed"),
    "excess_significance": lambda fit: robustness.excess_significance(fit, side="below"),
    "gosh": lambda fit: km.gosh(fit, subsets=50, rng=7, progress=False),
    "influence": km.influence,
    "leave_one_out": lambda fit: km.leave_one_out(fit, by="comparator"),
    "limit_meta_analysis": robustness.limit_meta_analysis,
    "missing_evidence": lambda fit: robustness.missing_evidence(fit, load_missing(), threshold=-0.1),
    "pet_peese": robustness.pet_peese,
    "pustejovsky_rodgers": robustness.pustejovsky_rodgers,
    "selection_model": lambda fit: robustness.selection_model(fit, delta=(1, 0.25)),
    "trim_and_fill": lambda fit: robustness.trim_and_fill(fit, estimator="R0", side="right"),
    "unblinding": lambda fit: robustness.unblinding(fit, threshold=-0.24, bias_sd=0.1),
}


@pytest.fixture(scope="module")
def fit() -> Pooled:
    trials = km.load_trials()
    return km.pool(km.effect_sizes(km.select(trials, **WHERE, measure="SMD"), measure="SMD"))


def agrees(result: Any) -> bool:
    return km.verify(json.loads(receipt(result).to_json())).agrees


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
@pytest.mark.parametrize("name", DOUBTS)
def test_every_doubt_is_computed_again(name: str, fit: Pooled) -> None:
    result = DOUBTS[name](fit)
    assert result.provenance.steps[-1]["step"] == name
    assert isinstance(result, MAKES[name])
    assert agrees(result)


def test_peters_is_computed_again() -> None:
    rows = pd.DataFrame(
        {
            "yi": [0.5, 0.9, 0.2, 1.1],
            "vi": [0.2, 0.4, 0.1, 0.5],
            "measure": "OR",
            "events_t": [12, 9, 30, 6],
            "total_t": [30, 20, 80, 14],
            "events_c": [8, 5, 26, 3],
            "total_c": [30, 21, 82, 15],
        }
    )
    result = robustness.peters(km.pool(rows))
    assert km.verify(receipt(result).to_dict(), trials=rows).agrees


def test_a_multiverse_is_computed_again_without_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    choices = {
        "crossover": ("paired", ("paired", 0.3)),
        "window": ((18, 36, 24), (20, 28)),
        "comparator": (("inactive", "psychoactive"), None),
        "tau2": ("REML", "EE"),
    }
    asked = {"indication": ("MDD", "BD"), "outcome": "depression"}
    assert agrees(km.multiverse(km.load_trials(), asked, choices, progress=False))
    assert capsys.readouterr().err == ""


def test_inputs_for_rob_me_are_listed_again() -> None:
    asked = {"indication": "PTSD", "outcomes": ["ptsd"], "hours": (20, 28), "dosing": "single"}
    assert agrees(robustness.rob_me(km.load_trials(), load_missing(), **asked))


def test_every_function_of_the_room_with_a_receipt_is_here() -> None:
    made = {name for name, kind in MAKES.items() if kind.__module__.startswith("ketameta.robustness")}
    assert made == {*DOUBTS, "peters", "multiverse", "rob_me"}
