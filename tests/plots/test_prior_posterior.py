"""Prior and posterior: densities against brute force, marks, words, room."""

from __future__ import annotations

import warnings
from functools import cache
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from scipy.integrate import trapezoid

import ketameta as km
from ketameta.errors import FigureError, KetametaWarning
from ketameta.models import (
    Exponential,
    HalfCauchy,
    HalfNormal,
    LogStudentT,
    Normal,
    Posterior,
    Uniform,
    rhodes2015,
)
from ketameta.plots import FigureOptions, describe
from ketameta.plots.prior_posterior import densities, prior_posterior
from ketameta.plots.style import DARK

from .room import assert_apart, assert_inside

YI, VI = np.array([-1.10, -0.35, -0.62, -0.18, -0.80]), np.array([0.09, 0.05, 0.04, 0.07, 0.11])


def fitted(rows: pd.DataFrame | None = None, **options: Any) -> Posterior:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return km.bayes(rows, **options) if rows is not None else km.bayes(yi=YI, vi=VI, **options)


def ratios(yi: list[float], vi: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"yi": yi, "vi": vi, "measure": "OR", "outcome": "response"})


CASES = {
    "proper": lambda: fitted(tau_prior=HalfNormal(0.5), mu_prior=Normal(0.0, 1.0)),
    "flat": lambda: fitted(),
    "published": lambda: fitted(tau_prior=rhodes2015("mental health", "placebo")),
    "improper": lambda: fitted(tau_prior=Uniform(float("inf"))),
    "unbounded": lambda: fitted(tau_prior=LogStudentT(-2.0, 1.5, 1.2)),
    "one": lambda: km.bayes(yi=[-0.5], vi=[0.04], tau_prior=Exponential(0.5), mu_prior=Normal(0.3, 0.2)),
    "two": lambda: km.bayes(yi=[-0.5, 0.4], vi=[0.04, 0.04], tau_prior=HalfCauchy(1.0)),
    "huge": lambda: fitted(ratios([6.9, -6.9, 2.0], [4.0, 3.0, 900.0]), tau_prior=HalfCauchy(1.0)),
    "ratios": lambda: fitted(ratios([0.9, 1.4, 0.2, 1.1], [0.2, 0.3, 0.1, 0.5]), mu_prior=Normal(0, 2)),
    "far": lambda: km.bayes(yi=[-30.0, -31.0, -29.0], vi=[1.0, 1.0, 1.0], mu_prior=Normal(0.0, 1.0)),
}


@cache
def fit_of(case: str) -> Posterior:
    return CASES[case]()


def line(ax: Axes, label: str) -> Any:
    return next(one for one in ax.lines if one.get_label() == label)


@pytest.mark.parametrize("of", ["mu", "tau"])
@pytest.mark.parametrize("case", CASES)
def test_drawn_densities_hold_all_probability(case: str, of: str) -> None:
    found = densities(fit_of(case), of)
    assert (np.diff(found.x) > 0).all()
    assert trapezoid(found.posterior, found.x) + found.beyond == pytest.approx(1.0, abs=1e-3)
    assert found.beyond < 0.025


@pytest.mark.parametrize("of", ["mu", "tau"])
@pytest.mark.parametrize("case", CASES)
def test_marks_stand_at_the_quantiles_of_what_is_drawn(case: str, of: str) -> None:
    fit = fit_of(case)
    found, law = densities(fit, of), getattr(fit, of)
    mass = np.concatenate(
        [[0.0], np.cumsum(np.diff(found.x) * (found.posterior[1:] + found.posterior[:-1]) / 2)]
    )
    mass += law.cdf(found.x[0])
    at = np.interp([found.low, found.median, found.high], found.x, mass)
    np.testing.assert_allclose(at, [0.025, 0.5, 0.975], atol=2e-3)


@pytest.mark.parametrize("of", ["mu", "tau"])
@pytest.mark.parametrize("case", CASES)
def test_the_highest_point_is_seen_unless_there_is_none(case: str, of: str) -> None:
    found, law = densities(fit_of(case), of), getattr(fit_of(case), of)
    top = prior_posterior(fit_of(case), of=of).get_ylim()[1]
    bounded = of == "mu" or np.isfinite(law.pdf(0.0))
    assert bounded == (case not in {"published", "unbounded"} or of == "mu")
    seen = found.x >= (found.x[0] if bounded else found.x[-1] / 100)
    highest = found.posterior[seen].max()
    assert highest < top < 1.7 * highest


def test_densities_are_those_of_brute_force() -> None:
    fit = fit_of("proper")
    mu, tau = np.linspace(-3.0, 2.0, 2001), np.linspace(0.0, 3.0, 1501)
    v = VI[:, None] + tau**2
    log = -0.5 * np.sum(np.log(v), axis=0)[:, None] - 0.5 * tau[:, None] ** 2 / 0.5**2 - 0.5 * mu**2
    for y, variance in zip(YI, v, strict=True):
        log = log - 0.5 * (y - mu) ** 2 / variance[:, None]
    joint = np.exp(log - log.max())
    joint /= trapezoid(trapezoid(joint, mu, axis=1), tau)
    for of, x, density in (
        ("mu", mu, trapezoid(joint, tau, axis=0)),
        ("tau", tau, trapezoid(joint, mu, axis=1)),
    ):
        found = densities(fit, of)
        np.testing.assert_allclose(found.posterior, np.interp(found.x, x, density), atol=2e-4 * density.max())


@pytest.mark.parametrize(("of", "total"), [("mu", 1.0), ("tau", 1.0)])
def test_a_prior_as_narrow_as_the_posterior_is_drawn_whole(of: str, total: float) -> None:
    found = densities(fitted(tau_prior=HalfNormal(0.2), mu_prior=Normal(-0.5, 0.15)), of)
    assert found.prior is not None
    assert trapezoid(found.prior, found.x) == pytest.approx(total, abs=0.02)


def test_improper_priors_are_not_drawn_but_named() -> None:
    fit = fit_of("improper")
    for of, words in (("mu", "The prior of the mean is flat"), ("tau", "The prior of tau is improper")):
        ax = prior_posterior(fit, of=of)
        assert "_prior" not in [one.get_label() for one in ax.lines]
        assert any(words in text.get_text() for text in ax.texts)
        assert words in describe(ax)


def test_what_lies_beyond_the_axis_is_said() -> None:
    fit = fit_of("two")
    found = densities(fit, "tau")
    assert found.beyond > 0.002
    ax = prior_posterior(fit, of="tau", options=FigureOptions(width_mm=180))
    assert any(f"{100 * found.beyond:.1f}% of the posterior" in text.get_text() for text in ax.texts)


def test_lines_stand_at_median_bounds_and_no_difference() -> None:
    fit = fit_of("ratios")
    ax = prior_posterior(fit)
    assert ax.get_xscale() == "log"
    assert line(ax, "_median").get_xdata()[0] == pytest.approx(np.exp(fit.mu.median))
    bounds = [one.get_xdata()[0] for one in ax.lines if one.get_label() == "_bound"]
    np.testing.assert_allclose(bounds, np.exp([fit.mu.low, fit.mu.high]))
    assert line(ax, "_median").get_ydata()[1] == pytest.approx(fit.mu.pdf(fit.mu.median), rel=1e-6)
    assert line(ax, "_null").get_xdata()[0] == 1
    posterior = line(ax, "_posterior")
    np.testing.assert_allclose(posterior.get_ydata(), fit.mu.pdf(np.log(posterior.get_xdata())), atol=1e-9)
    assert ax.get_ylabel() == "Density of the log odds ratio"
    low, high = ax.get_xlim()
    assert low < 1 < high
    shown = [text.get_text() for text in ax.texts]
    assert any("Favours ketamine" in text for text in shown)


def test_tau_has_neither_null_nor_sides() -> None:
    ax = prior_posterior(fit_of("ratios"), of="tau", options=FigureOptions(footer=False))
    assert "_null" not in [one.get_label() for one in ax.lines]
    assert not ax.texts
    assert (ax.get_xscale(), ax.get_xlim()[0]) == ("linear", 0)
    assert "of the log odds ratio" in " ".join(ax.get_xlabel().split())


def test_legend_and_words_give_the_numbers_of_the_result() -> None:
    fit = fit_of("proper")
    ax = prior_posterior(fit)
    legend = [" ".join(text.get_text().split()) for text in ax.get_legend().get_texts()]
    assert legend == [
        "Posterior",
        "Prior: Normal(0, 1)",
        f"Median {fit.mu.median:.2f}".replace("-", "−"),
        f"95% credible interval {fit.mu.low:.2f} to {fit.mu.high:.2f}".replace("-", "−"),
        "No difference",
    ]
    words = describe(ax)
    assert words.startswith("Prior and posterior density of the mean effect from 5 studies. ")
    assert f"Posterior median {fit.mu.median:.2f}".replace("-", "−") in words
    assert "tau" in describe(prior_posterior(fit, of="tau")).split(". ")[0]


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("of", ["mu", "tau"])
@pytest.mark.parametrize("case", ["published", "improper", "huge", "far", "ratios"])
def test_nothing_overlaps_and_nothing_leaves_the_page(case: str, of: str, width: float) -> None:
    ax = prior_posterior(
        fit_of(case),
        of=of,
        title="What the trials added to what was believed",
        options=FigureOptions(width_mm=width),
    )
    assert_inside(ax.figure, slack=1)
    assert_apart(ax.figure)


def test_given_axes_on_dark_paper(make: SimpleNamespace) -> None:
    figure = plt.figure(figsize=(6, 4.5), facecolor=DARK.paper)
    fit = fitted(make.arms(6), mu_prior=Normal(0, 1))
    ax = prior_posterior(fit, ax=figure.add_subplot(), favours=("us $x$", "them"))
    assert line(ax, "_posterior").get_color() == DARK.pooled
    assert "us $x$" in describe(ax).replace("favours ", "")
    assert_inside(figure, slack=1)
    assert_apart(figure)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fit": None}, "result of bayes"),
        ({"of": "sigma"}, "of='sigma'"),
        ({"of": ["mu"]}, "give 'mu'"),
        ({"ax": 3}, "give matplotlib axes"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(FigureError, match=words):
        prior_posterior(**{"fit": fit_of("proper"), **arguments})


def test_inputs_are_not_changed() -> None:
    fit = fit_of("ratios")
    before = fit.rows.copy()
    prior_posterior(fit)
    pd.testing.assert_frame_equal(fit.rows, before)
