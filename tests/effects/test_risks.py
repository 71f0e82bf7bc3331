from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.effects import arcsine, log_or, log_rr, rd
from ketameta.effects.risks import RISK_MEASURES, implied_risk
from ketameta.errors import EffectError

LINES = pd.read_csv(Path(__file__).parents[1] / "reference" / "labbe.csv")
EFFECTS = {"OR": log_or, "RR": log_rr, "RD": rd, "AS": arcsine}


@pytest.mark.parametrize("measure", ["OR", "RR", "RD", "AS"])
def test_equals_the_line_of_metafor(measure: str) -> None:
    line = LINES[LINES["measure"] == measure]
    found = implied_risk(line["comparator"], line["effect"], measure)
    assert len(line) == 41
    np.testing.assert_allclose(found, line["treated"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("measure", EFFECTS)
@pytest.mark.parametrize("effect", [-0.15, 0.1, 0.2])
def test_the_effect_comes_back(measure: str, effect: float) -> None:
    risk, size = np.linspace(0.2, 0.7, 9), 1e6
    treated = implied_risk(risk, effect, measure)
    back = EFFECTS[measure](treated * size, size, risk * size, size).yi
    np.testing.assert_allclose(back, effect, rtol=1e-10)


def test_peto_is_read_as_an_odds_ratio() -> None:
    assert implied_risk(0.3, 0.7, "PETO") == implied_risk(0.3, 0.7, "OR")


@pytest.mark.parametrize("measure", RISK_MEASURES)
def test_stays_a_risk(measure: str) -> None:
    risk = np.linspace(0, 1, 11)
    for effect in (-800.0, -1.0, 0.0, 1.0, 800.0):
        found = implied_risk(risk, effect, measure)
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.diff(found) >= 0).all()
    np.testing.assert_allclose(implied_risk(risk, 0.0, measure), risk, atol=1e-15)


@pytest.mark.parametrize(
    ("risk", "effect", "measure"),
    [
        (20.0, 0.1, "OR"),
        (-0.1, 0.1, "RD"),
        (np.nan, 0.1, "RR"),
        (0.2, np.inf, "OR"),
        (0.2, 0.1, "SMD"),
        ("a", 0.1, "OR"),
    ],
)
def test_refusals(risk: float, effect: float, measure: str) -> None:
    with pytest.raises(EffectError):
        implied_risk(risk, effect, measure)
