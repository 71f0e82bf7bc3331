"""bayes(): published priors, and what is no prior."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from scipy import stats

import ketameta as km
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models import (
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfT,
    LogNormal,
    LogStudentT,
    Normal,
    Uniform,
    rhodes2015,
    turner2015,
)

from .bayes_cases import VI, YI


def test_published_priors() -> None:
    """Numbers of Turner et al. 2015 and Rhodes et al. 2015; medians of tau2 are exp(location)."""
    assert turner2015("mental health", "placebo") == LogNormal(
        -2.12, 1.53, "Turner et al. 2015 (mental health, placebo)", "OR"
    )
    assert turner2015().quantile(0.5) ** 2 == pytest.approx(math.exp(-2.56))
    assert rhodes2015("mental health", "pharmacological").quantile(0.5) ** 2 == pytest.approx(math.exp(-3.27))
    assert rhodes2015().scale == 2.59
    with pytest.raises(ModelError, match="did you mean 'mental health'"):
        turner2015("mental helth", "placebo")
    with pytest.raises(ModelError, match="comparison"):
        turner2015("mental health")
    with pytest.raises(ModelError, match="comparison"):
        rhodes2015("any", "placebo")


def test_a_prior_for_another_measure_warns() -> None:
    table = pd.DataFrame({"yi": YI, "vi": VI, "measure": "SMD"})
    with pytest.warns(KetametaWarning, match="for measure OR"):
        km.bayes(table, tau_prior=turner2015("mental health", "placebo"))
    fit = km.bayes(table, tau_prior=rhodes2015("mental health", "placebo"))
    assert any("not bounded at 0" in note for note in fit.notes)
    assert "Rhodes et al. 2015" in fit.method


@pytest.mark.parametrize(
    "prior",
    [0.5, "half-normal", None, HalfNormal, Normal(0.0, 1.0), lambda tau: 1.0],
)
def test_what_is_no_prior_is_refused(prior: Any) -> None:
    with pytest.raises(ModelError, match="tau_prior"):
        km.bayes(yi=YI, vi=VI, tau_prior=prior)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, True, "1", None, [1.0]])
def test_parameters_of_priors_must_be_positive_numbers(value: Any) -> None:
    for kind in (HalfNormal, HalfCauchy, Exponential):
        with pytest.raises(ModelError, match="positive"):
            kind(value)
    with pytest.raises(ModelError, match="positive"):
        HalfT(4.0, value)
    with pytest.raises(ModelError, match="positive"):
        Normal(0.0, value)
    with pytest.raises(ModelError, match="positive"):
        LogStudentT(0.0, 1.0, value)
    with pytest.raises(ModelError, match="positive"):
        LogNormal(0.0, value)
    if value != math.inf:
        with pytest.raises(ModelError, match="positive"):
            Uniform(value)


def test_quantiles_of_a_half_t_with_hardly_any_degrees_of_freedom() -> None:
    for df in (0.05, 0.5, 4.0, 1e6):
        prior = HalfT(df, 0.5)
        for mass in (1e-3, 0.3, 0.5, 0.9, 0.999):
            assert prior.quantile(mass) == pytest.approx(
                0.5 * stats.t.isf(0.5 * (1.0 - mass), df), rel=1e-8
            ), (df, mass)
