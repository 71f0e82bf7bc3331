"""Linear families, random level and slope, and moderators against metafor (tests/reference/durability_families.R).

The optimiser of the reference compares values of the likelihood, which fixes a variance to seven digits or so:
log-likelihoods agree to 1e-9, coefficients to 1e-6, variances to 1e-5.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.curves import CurveOptions, durability

DATA = Path(__file__).parent / "data" / "families.csv"
REFERENCE = Path(__file__).parents[1] / "reference" / "durability_families.csv"

FAMILIES = {
    "piecewise": {"curve": "piecewise", "knots": (4, 72, 672)},
    "polynomial": {"curve": "polynomial"},
    "steps": {"curve": "steps", "windows": (0, 36, 240, 1000)},
    "moderators": {"knots": (4, 672), "moderators": "route", "decay_moderators": "route"},
    "random slope|line": {"knots": (4, 672), "random": "level+decay"},
    "random slope|moderators": {
        "knots": (4, 672),
        "moderators": "route",
        "decay_moderators": "route",
        "random": "level+decay",
    },
}
OPTIONS = ("windows", "decay_moderators", "random")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_csv(DATA)


@pytest.fixture(scope="module")
def values() -> dict[str, dict[str, float]]:
    table = pd.read_csv(REFERENCE)
    return {
        str(case): dict(zip(part["quantity"], part["value"], strict=True))
        for case, part in table.groupby("case")
    }


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("family", FAMILIES)
def test_families_equal_metafor(rows, values, family, method) -> None:
    want, given = values[f"{family}|{method}"], FAMILIES[family]
    options = CurveOptions(method=method, **{name: given[name] for name in OPTIONS if name in given})
    fitted = durability(rows, options=options, **{name: given[name] for name in given if name not in OPTIONS})
    assert fitted.loglik == pytest.approx(want["loglik"], abs=1e-8)
    beta = np.array([want[f"beta{j + 1}"] for j in range(len(fitted.coefficients))])
    se = np.array([want[f"se{j + 1}"] for j in range(len(fitted.coefficients))])
    found = np.array(fitted.coefficients)
    np.testing.assert_allclose(found, beta, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(np.sqrt(np.diag(fitted.vcov)), se, rtol=1e-5)
    assert fitted.tau2 == pytest.approx(want["tau2"], rel=1e-5)
    assert fitted.omega2 == pytest.approx(want["omega2"], rel=1e-4)
    if "slope2" in want:
        spread = fitted.fit.spread
        assert spread[1, 1] == pytest.approx(want["slope2"], rel=1e-4)
        assert spread[0, 1] == pytest.approx(want["covariance"], rel=1e-4)
