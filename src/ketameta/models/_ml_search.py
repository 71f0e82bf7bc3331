"""The highest point of a likelihood of covariance parameters, within their bounds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ketameta._typing import Array, BoolArray
from ketameta.errors import ModelError
from ketameta.models._ml_likelihood import Model, Point, Slopes, evaluate, slopes

__all__ = ["Maximum", "climb", "maximise"]

_MAX_STEPS = 300
_MAX_CLIMBS = 8
_NEAR = 4.0
_MAX_GRID = 300
_ESCAPES = 5
_ROUNDS = 3
_MOST_MOVED = 12
_VARIANCES = {1: (0.0, 0.02, 0.1, 0.3, 1.0, 4.0), 2: (0.0, 0.02, 0.2, 0.6, 2.0)}
_FEWER_VARIANCES = (0.01, 0.2, 1.0)
_DONE = 1e-20
_SETTLED = 1e-9
_NOISE = 1e-13
_ROUNDING = 1e-11
_FLAT = 1e-9
_SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """A maximum of a likelihood.

    Attributes
    ----------
    point : Point
        Least squares there.
    slopes : Slopes
        Derivatives there.
    free : numpy.ndarray of bool, shape (K,)
        Parameters that were estimated.
    modes : int
        Number of different maxima that were found.
    """

    point: Point
    slopes: Slopes
    free: BoolArray
    modes: int


def maximise(model: Model, free: BoolArray, held: Array, size: float) -> Maximum:
    """The highest maximum reached from the local maxima of a grid.

    Parameters
    ----------
    model : Model
        What the likelihood is made of.
    free : numpy.ndarray of bool, shape (K,)
        Parameters to estimate.
    held : Array, shape (K,)
        Values of the others.
    size : float
        A variance that spans the grid.

    Raises
    ------
    ModelError
        If the covariance is positive definite nowhere, or the climb does not settle.
    """
    if not free.any():
        point = evaluate(model, held)
        if point is None:
            raise ModelError(
                "V and the fixed components do not add up to a positive definite covariance of the effects; "
                "check V and the fixed values"
            )
        return Maximum(point, slopes(model, point), free, 1)
    starts = [*_grid_maxima(model, free, held, size), *_uneven(model, free, held, size)]
    if not starts:
        raise ModelError(
            "the covariance of the effects is not positive definite for any heterogeneity tried; check V: "
            "effects that follow from one another must not stand in one model"
        )
    found = [climb(model, free, theta, size) for theta in starts]
    best = max(found, key=lambda one: one.point.loglik)
    for _ in range(_ROUNDS):
        further = [climb(model, free, theta, size) for theta in _away_from_bounds(model, free, best, size)]
        found += further
        higher = max(further, key=lambda one: one.point.loglik, default=best)
        if higher.point.loglik <= best.point.loglik + _NOISE * max(1.0, abs(best.point.loglik)):
            break
        best = higher
    noise = _SAME * max(1.0, abs(best.point.loglik))
    lower = {round(one.point.loglik / noise) for one in found if one.point.loglik < best.point.loglik - noise}
    return Maximum(best.point, best.slopes, free, 1 + len(lower))


def _grid_maxima(model: Model, free: BoolArray, held: Array, size: float) -> Iterator[Array]:
    """Points of a grid that no neighbour beats, and nearly as good ones with other correlations, best first."""
    axes = _axes(model, size)
    height = np.full([len(axis) for axis in axes], -np.inf)
    points: dict[tuple[int, ...], Array] = {}
    half = len(model.structures)
    for at in itertools.product(*(range(len(axis)) for axis in axes)):
        values = [axis[i] for axis, i in zip(axes, at, strict=True)]
        parts = [
            part.start(variance, correlation)
            for part, variance, correlation in zip(
                model.structures, values[:half], values[half:], strict=True
            )
        ]
        theta = np.clip(np.where(free, np.concatenate(parts), held), model.lower, model.upper)
        point = evaluate(model, theta)
        if point is not None:
            height[at], points[at] = point.loglik, theta
    top = height >= ndimage.maximum_filter(height, size=3, mode="nearest")
    along = tuple(range(half))
    top |= (height == height.max(axis=along, keepdims=True)) & (height > height.max() - _NEAR)
    ranked = sorted(
        map(tuple, np.argwhere(top & np.isfinite(height)).tolist()), key=lambda place: -height[place]
    )
    for at in ranked[:_MAX_CLIMBS]:
        yield points[at]


def _uneven(model: Model, free: BoolArray, held: Array, size: float) -> Iterator[Array]:
    """The best parameters with levels of unequal variance, those near the best of them."""
    typical = [part.start(0.3 * size, 0.3) for part in model.structures]
    points = []
    for i, part in enumerate(model.structures):
        for moved in part.uneven(size):
            theta = np.where(free, np.concatenate([*typical[:i], moved, *typical[i + 1 :]]), held)
            point = evaluate(model, np.clip(theta, model.lower, model.upper))
            if point is not None:
                points.append(point)
    points.sort(key=lambda point: -point.loglik)
    for point in points[:_MAX_CLIMBS]:
        if point.loglik > points[0].loglik - _NEAR:
            yield point.theta


def _away_from_bounds(model: Model, free: BoolArray, best: Maximum, size: float) -> Iterator[Array]:
    """The best parameters with one at a bound moved well inside, the others there a little; or turned."""
    theta, lower, upper = best.point.theta, model.lower, model.upper
    inside = np.concatenate([part.start(0.3 * size, 0.3) for part in model.structures])
    bound = np.flatnonzero(free & ((theta <= lower) | (theta >= upper)))
    for at in bound[:_MOST_MOVED].tolist():
        moved = theta.copy()
        moved[bound] += 0.1 * (inside[bound] - theta[bound])
        moved[at] = inside[at]
        if evaluate(model, moved) is not None:
            yield moved
    parts = model.split(theta)
    for i, part in enumerate(model.structures):
        for other in part.turned(parts[i]):
            moved = np.where(free, np.concatenate([*parts[:i], other, *parts[i + 1 :]]), theta)
            point = evaluate(model, moved)
            if point is not None and point.loglik > best.point.loglik - _NEAR:
                yield moved


def _axes(model: Model, size: float) -> list[tuple[float, ...]]:
    """Variances of each term, then correlations of each term, to begin from."""
    terms = len(model.structures)
    variances = [tuple(size * v for v in _VARIANCES.get(terms, _FEWER_VARIANCES))] * terms
    correlations = [part.correlations for part in model.structures]
    axes = [*variances, *correlations]
    while np.prod([float(len(axis)) for axis in axes]) > _MAX_GRID:
        longest = max(range(len(axes)), key=lambda i: len(axes[i]))
        axis = axes[longest]
        axes[longest] = axis[1::2] if len(axis) > 2 else axis[1:]
    return axes


def climb(model: Model, free: BoolArray, theta: Array, size: float) -> Maximum:
    """Newton's method within bounds, never downhill, to the nearest maximum.

    The direction is that of the observed information with its eigenvalues made positive, in units of the
    expected information. Parameters at a bound that the likelihood pushes against rest there.

    Parameters
    ----------
    model : Model
        What the likelihood is made of.
    free : numpy.ndarray of bool, shape (K,)
        Parameters to estimate.
    theta : Array, shape (K,)
        Where to begin.
    size : float
        Typical variance, for leaving stationary points that are not maxima.

    Raises
    ------
    ModelError
        If the climb does not settle.
    """
    point = evaluate(model, theta)
    if point is None:
        raise ModelError("the covariance of the effects is not positive definite where the search begins")
    for _ in range(_ESCAPES):
        point, here, settled = _newton(model, free, point)
        away = _escaped(model, free, point, here, size)
        if away is None:
            break
        point = away
    if not settled:
        raise ModelError(
            "the likelihood of the variance components did not settle: it may rise without end (effects that "
            "follow from one another, or V far too small), or be flat; simplify `random` or check V"
        )
    return Maximum(point, here, free, 1)


def _newton(model: Model, free: BoolArray, point: Point) -> tuple[Point, Slopes, bool]:
    lower, upper = model.lower, model.upper
    last = np.inf
    here = slopes(model, point)
    for _ in range(_MAX_STEPS):
        score, theta = here.score, point.theta
        pushed = ((theta <= lower) & (score <= 0)) | ((theta >= upper) & (score >= 0))
        active = free & ~pushed
        if not active.any():
            return point, here, True
        gain, steps = _steps(here, active)
        if gain <= _DONE or (gain >= 0.5 * last and gain <= _SETTLED):
            return point, here, True
        last = gain
        better = None
        for step in steps:
            better = _line_search(model, point, score, step)
            if better is not None:
                break
        if better is None:
            return point, here, gain <= _SETTLED
        point = better
        here = slopes(model, point)
    return point, here, gain <= _SETTLED


def _steps(here: Slopes, active: BoolArray) -> tuple[float, list[Array]]:
    """What a full step promises in log-likelihood, and the steps to try: Newton, scoring, one at a time."""
    part = np.ix_(active, active)
    score, expected, observed = here.score[active], here.expected[part], here.observed[part]
    typical = np.maximum(np.diag(expected), np.abs(np.diag(observed)))
    unit = 1.0 / np.sqrt(np.where(typical > 0, typical, 1.0))
    slope = unit * score
    values, vectors = np.linalg.eigh(unit[:, None] * observed * unit)
    along = vectors.T @ slope
    certain = np.abs(values) > _FLAT
    reach = np.where(certain, along / np.where(certain, np.abs(values), 1.0), 0.0)
    flat = ~certain & (np.abs(along) > 1e-6)
    reach = np.where(flat, along, reach)
    newton = unit * (vectors @ reach)
    scoring = unit * np.linalg.lstsq(unit[:, None] * expected * unit, slope, rcond=_FLAT)[0]
    steps = []
    for found in (newton, scoring, unit * slope):
        step = np.zeros(active.size)
        step[active] = found
        steps.append(step)
    strongest = np.zeros(active.size)
    at = np.flatnonzero(active)[int(np.argmax(np.abs(slope)))]
    strongest[at] = steps[2][at]
    return float(0.5 * (along @ reach)), [*steps, strongest]


def _line_search(model: Model, point: Point, score: Array, step: Array) -> Point | None:
    """First point along the step, halved as often as needed, that gains what it should, but for rounding."""
    for halving in range(30):
        theta = np.clip(point.theta + step * 0.5**halving, model.lower, model.upper)
        promised = float(score @ (theta - point.theta))
        if promised <= 0:
            continue
        candidate = evaluate(model, theta)
        noise = _ROUNDING * max(1.0, abs(point.loglik))
        if candidate is not None and candidate.loglik >= point.loglik + 1e-4 * promised - noise:
            return candidate
    return None


def _escaped(model: Model, free: BoolArray, point: Point, here: Slopes, size: float) -> Point | None:
    """A better point near a stationary point that is no maximum, else None."""
    parts = model.split(point.theta)
    for i, (part, w) in enumerate(zip(model.structures, here.by_code, strict=True)):
        for shrink in (0.3, 0.03, 1e-3):
            for moved in part.escapes(parts[i], w, shrink * float(np.sqrt(size))):
                theta = np.concatenate([*parts[:i], moved, *parts[i + 1 :]])
                theta = np.where(free, theta, point.theta)
                candidate = evaluate(model, theta)
                noise = 1e-10 * max(1.0, abs(point.loglik))
                if candidate is not None and candidate.loglik > point.loglik + noise:
                    return candidate
    return None
