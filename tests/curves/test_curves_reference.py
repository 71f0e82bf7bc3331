"""Against metafor::rma.mv (tests/reference/durability.R).

The variances of the reference are polished, so 1e-8 holds; 1e-6 for the exponential, where R's optimiser over
the rate compares values of the likelihood.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketameta.curves import CurveOptions, durability
from ketameta.curves.blocks import rotate
from ketameta.curves.fit import fit_variances

SPLINES = [
    "ishak2007|spline|days|0.97",
    "ishak2007|spline|log-time|0.6",
    "fine1993|spline|constant|0.7",
    "sypres_psilodep|spline|log-time|0.6",
    "sypres_psilodep|spline|days|0.8",
    "sypres_psilodep|spline|constant|0.6",
    "simulated|spline|log-time|0.6",
    "example|spline|log-time|0.6",
]
EXPONENTIALS = [
    "simulated|exponential|log-time|0.6",
    "sypres_psilodep|exponential|log-time|0.6",
    "fine1993|exponential|constant|0.7",
]


def _near(value: float | list[float], rel: float = 1e-8) -> object:
    return pytest.approx(value, rel=rel, abs=1e-10)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("case", SPLINES)
def test_spline_equals_metafor(case: str, method: str, data_set, reference) -> None:
    want = reference[f"{case}|{method}"]
    name, curve, correlation, rho = case.split("|")
    options = CurveOptions(correlation=correlation, method=method)
    fitted = durability(data_set(name), curve=curve, rho=float(rho), options=options)
    assert fitted.knots_hours == _near([want[f"knot{j}"] for j in range(1, len(fitted.knots_hours) + 1)])
    assert f"knot{len(fitted.knots_hours) + 1}" not in want
    assert fitted.tau2 == _near(want["tau2"])
    assert fitted.omega2 == _near(want["omega2"])
    assert fitted.loglik == _near(want["loglik"])
    table = fitted.at(hours=[want[f"hours{j}"] for j in range(1, 6)])
    for column in ("estimate", "se", "ci_low", "pi_high"):
        assert table[column].tolist() == _near([want[f"{column}{j}"] for j in range(1, 6)])


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("case", EXPONENTIALS)
def test_exponential_equals_profile_of_metafor(case: str, method: str, data_set, reference) -> None:
    want = reference[case]
    name, curve, correlation, rho = case.split("|")
    options = CurveOptions(correlation=correlation, method=method)
    fitted = durability(data_set(name), curve=curve, rho=float(rho), options=options)
    assert fitted.coefficients[1] == _near(want["rate"], 1e-6)
    assert fitted.loglik == _near(want["loglik"], 1e-6)
    assert fitted.tau2 == _near(want[f"tau2|{method}"], 1e-6)
    assert fitted.omega2 == _near(want[f"omega2|{method}"], 1e-6)
    if method == "ML":
        assert fitted.coefficients[0] == _near(want["amplitude|ML"], 1e-6)
    estimate = fitted.fit.value(np.array([24.0, 168.0]))
    se = fitted.fit.se(np.array([24.0, 168.0]))
    assert estimate.tolist() == _near([want[f"estimate{j}|{method}"] for j in (1, 2)], 1e-6)
    assert se.tolist() == _near([want[f"se{j}|{method}"] for j in (1, 2)], 1e-6)
    half_life = fitted.half_life
    assert half_life.ci_low == _near(math.log(2) / want["rate_high"], 1e-6)
    assert half_life.ci_high == (
        math.inf if want["rate_low"] == 0 else _near(math.log(2) / want["rate_low"], 1e-6)
    )
    if want["rate"] == 0:
        assert (half_life.value, half_life.status) == (None, "not reached")
    else:
        assert half_life.value == _near(math.log(2) / want["rate"], 1e-6)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_one_time_without_correlation_is_univariate_meta_analysis(method: str, data_set, reference) -> None:
    want = reference[f"ishak2007 first follow-up|univariate|{method}"]
    table = data_set("ishak2007").query("time_hours == 144")
    yi, vi = table["yi"].to_numpy(), table["vi"].to_numpy()
    blocks = rotate([np.array([[v]]) for v in vi])
    fit = fit_variances(
        blocks, blocks.turn(yi), np.ones((yi.size, 1)), reml=method == "REML", free=(True, False)
    )
    assert float(fit.beta[0]) == _near(want["estimate1"])
    assert math.sqrt(fit.vcov[0, 0]) == _near(want["se1"])
    assert fit.tau2 == _near(want["tau2"])
    assert fit.loglik == _near(want["loglik"])
