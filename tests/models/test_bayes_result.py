"""bayes(): what its result shows and stores, and input and questions that are refused."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models import Normal, Uniform

from .bayes_cases import VI, YI


def test_ratios_are_shown_as_ratios() -> None:
    table = pd.DataFrame({"yi": YI, "vi": VI, "measure": "OR", "label": list("abcde")})
    fit = km.bayes(table)
    assert f"{math.exp(fit.mu.median):.2f}" in fit.sentence()
    assert "P(< 1)" in str(fit)
    assert fit.to_frame()["scale"].unique().tolist() == ["log"]
    assert fit.study("c").median == fit.studies["median"][2]


def test_result_is_shown_stored_and_pickled() -> None:
    fit = km.bayes(yi=YI, vi=VI, mu_prior=Normal(0.0, 1.0))
    frame = fit.to_frame()
    assert frame["quantity"].tolist() == ["mu", "tau", "new", *["study"] * 5]
    assert frame["median"][0] == fit.mu.median
    assert json.loads(json.dumps(fit.to_dict()))["tau"]["median"] == fit.tau.median
    assert "<table>" in fit._repr_html_()
    assert "Bayes factor of tau = 0" in str(fit)
    assert "HalfNormal(0.5) prior of tau" in fit.method
    assert fit.provenance.n_rows == 5
    again = pickle.loads(pickle.dumps(fit))
    assert again.mu.cdf(-0.3) == fit.mu.cdf(-0.3)
    assert isinstance(fit.mu.cdf(0.0), float)
    assert fit.mu.cdf([[0.0, 0.1]]).shape == (1, 2)
    assert (fit.mu.quantile(0.0), fit.mu.quantile(1.0)) == (-math.inf, math.inf)
    assert (fit.tau.quantile(0.0), fit.tau.quantile(1.0)) == (0.0, math.inf)
    assert fit.tau.pdf([-1.0]).tolist() == [0.0]
    assert fit.tau.cdf([-1.0, math.inf]) == pytest.approx([0.0, 1.0])


def test_inputs_are_left_alone() -> None:
    yi, vi = YI.copy(), VI.copy()
    km.bayes(yi=yi, vi=vi)
    assert (yi == YI).all()
    assert (vi == VI).all()


@pytest.mark.parametrize(
    "arguments",
    [
        {"yi": [], "vi": []},
        {"yi": [0.1, math.nan], "vi": [0.1, 0.1]},
        {"yi": [0.1, math.inf], "vi": [0.1, 0.1]},
        {"yi": [0.1, 0.2], "vi": [0.1, 0.0]},
        {"yi": [0.1, 0.2], "vi": [0.1]},
        {"yi": YI, "vi": VI, "level": 1.0},
        {"yi": YI, "vi": VI, "level": True},
        {"yi": YI, "vi": VI, "mu_prior": (0.0, 1.0)},
        {"yi": [0.0, 1e200], "vi": [1.0, 1.0]},
    ],
)
def test_bad_input_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        km.bayes(**arguments)


def test_bad_questions_are_refused() -> None:
    fit = km.bayes(yi=YI, vi=VI)
    for bad in ("0", math.nan, [0.1, None], [[1.0], [1.0, 2.0]]):
        with pytest.raises(ModelError):
            fit.mu.cdf(bad)
    for bad in (-0.1, 1.1):
        with pytest.raises(ModelError, match="between 0 and 1"):
            fit.mu.quantile(bad)
    with pytest.raises(ModelError, match="kind"):
        fit.mu.interval(0.9, kind="hpd")
    for bad in (9, "nobody", 1.5, True):
        with pytest.raises(ModelError, match="not one of"):
            fit.study(bad)


def test_points_of_a_posterior_may_be_none_and_must_fit() -> None:
    fit = km.bayes(yi=YI, vi=VI)
    assert fit.tau.pdf([]).shape == fit.mu.cdf([]).shape == (0,)
    assert fit.density([], 0.1).shape == (0,)
    with pytest.raises(ModelError, match=r"shape \(2,\).*\(3,\)"):
        fit.density([0.0, 0.1], [0.1, 0.2, 0.3])
    with pytest.raises(ModelError, match="level"):
        fit.mu.interval(1.0 - 1e-16)
    with pytest.raises(ModelError, match="positive"):
        Uniform(np.array([1.0, 2.0]))  # type: ignore[arg-type]
