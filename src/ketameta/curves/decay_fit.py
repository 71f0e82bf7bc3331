"""Fitting a family that rises and falls, its rate by maximum likelihood."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.blocks import Blocks
from ketameta.curves.decay import fit_decay
from ketameta.curves.decay_profile import DecayProfile
from ketameta.curves.decay_shapes import Bateman, DecayShape, Emax, ExponentialDecay, Weibull
from ketameta.curves.fit import VarianceFit, fit_variances, gls
from ketameta.curves.fitted import Coefficients, Fitted
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.linear_fit import or_without_omega
from ketameta.curves.mean import MUTE, Mean, told_apart
from ketameta.curves.moderation import Part
from ketameta.curves.random_decay import random_decay, singular_note, too_few
from ketameta.curves.search import MeanFit, fit_mean
from ketameta.curves.shapes import Exponential
from ketameta.curves.spec import CurveSpec
from ketameta.errors import ModelError

__all__ = ["fit_decaying", "fit_exponential"]

_SHAPES: dict[str, type[Bateman] | type[Emax] | type[Weibull]] = {
    "bateman": Bateman,
    "emax": Emax,
    "weibull": Weibull,
}
_ROUNDS = 40
_STILL = 1e-8
_UNSETTLED = "a random decay was asked for, but its likelihood did not settle: the level alone is random"


def fit_exponential(
    data: TrialTimes, blocks: Blocks, spec: CurveSpec, parts: tuple[Part, Part], free: tuple[bool, bool]
) -> Fitted:
    """Exponential decay: rate by ML; amplitude, variances and standard errors linearised at that rate.

    Parameters
    ----------
    data, blocks, spec, parts, free
        See :func:`ketameta.curves.linear_fit.fit_linear`; without moderators.

    Returns
    -------
    Fitted
        The fit.

    Raises
    ------
    ModelError
        If the amplitude is zero.
    """
    shape = Exponential(float(data.hours.min()))
    decay = fit_decay(blocks, data.yi, data.hours, free=free, level=spec.level)
    since = data.hours - shape.origin_hours
    falling = np.exp(-decay.rate * since)
    tangent = np.column_stack([falling, -since * falling])
    variances, amplitude = _linearised(
        blocks, data.yi, tangent, 1, decay.fit, spec.options.method == "REML", free
    )
    _require_amplitude(amplitude)
    tangent[:, 1] *= amplitude[0]
    return Fitted(
        shape=shape,
        coefficients=Coefficients(
            names=shape.names(),
            values=np.array([amplitude[0], decay.rate]),
            vcov=_covariance(blocks, tangent, variances),
            level=parts[0],
            decay=parts[1],
            level_direction=np.array([1.0, 0.0]),
            decay_direction=np.array([0.0, 1.0]),
        ),
        variances=variances,
        centre_hours=shape.origin_hours,
        loglik=decay.fit.loglik,
        loglik_ml=decay.fit.loglik,
        decay=decay,
        profile=None,
        notes=(),
    )


def fit_decaying(
    data: TrialTimes, blocks: Blocks, spec: CurveSpec, parts: tuple[Part, Part], free: tuple[bool, bool]
) -> Fitted:
    """Fit a shape that rises and falls, with moderators of amplitude and log rate.

    All parameters are fitted by maximum likelihood. Under REML amplitude, heterogeneity variances and standard
    errors are then those of the model linearised at the inner parameters. Parameters on their bounds count as
    known.

    Parameters
    ----------
    data, blocks, spec, parts, free
        See :func:`ketameta.curves.linear_fit.fit_linear`.

    Returns
    -------
    Fitted
        The fit.

    Raises
    ------
    ModelError
        If the amplitude is zero, or effects are fewer than coefficients.
    """
    level, decay = parts
    shape: DecayShape = (
        ExponentialDecay(float(data.hours.min())) if spec.curve == "exponential" else _SHAPES[spec.curve]()
    )
    mean = Mean(shape, data.hours, np.concatenate([np.ones((data.yi.size, 1)), level.x], axis=1), decay.x)
    r, count = mean.level.shape[1], mean.level.shape[1] + mean.inner
    names = (
        *shape.names(),
        *level.names,
        *(f"{name}, on the log rate of decay" for name in decay.names),
    )
    if np.unique(data.hours).size < len(shape.names()) or data.yi.size < count:
        raise ModelError(
            f"{data.yi.size} effects at {np.unique(data.hours).size} times do not determine the {count} "
            f"coefficients of {spec.curve!r}; use a simpler curve."
        )
    columns = decay.x.shape[1]
    if np.linalg.matrix_rank(mean.level) < r or (columns and np.linalg.matrix_rank(decay.x) < columns):
        raise ModelError(
            f"moderators cannot be told apart in these {len(data.trials)} trials; leave some out."
        )
    if not np.any(data.yi):
        _require_amplitude(np.zeros(1))
    found = fit_mean(blocks, data.yi, mean, free)
    alpha, psi = found.peak.alpha[0].copy(), found.peak.psi[0].copy()
    _require_amplitude(alpha)
    profile: DecayProfile | None = None
    notes = list(_edge_notes(shape, found))
    if not found.peak.settled[0]:
        notes.append(
            "the likelihood of the curve did not settle; another family may describe the data better"
        )
    loglik = float(found.peak.loglik[0])
    reml, stuck = spec.options.method == "REML", np.logical_or(*found.at_edge)
    design = mean.tangent(alpha[None], psi[None])[0]
    kept = told_apart(design, np.concatenate([np.ones(r, dtype=np.bool_), ~stuck]))
    notes += [
        f"{name} cannot be told from the other coefficients and counts as known"
        for name, told, edge in zip(
            (*shape.parameters, *(f"{name}, on the log rate of decay" for name in decay.names)),
            kept[r:],
            stuck,
            strict=True,
        )
        if not told and not edge
    ]
    variances = None
    if spec.options.random == "level+decay":
        why = too_few(blocks, count)
        if not why:
            moved = _with_random_decay(blocks, data.yi, mean, alpha, psi, kept, reml)
            if isinstance(moved, str):
                why = moved
            else:
                alpha, psi, variances, vcov_kept, loglik = moved
                notes += singular_note(variances)
        if why:
            notes.append(why)
    if variances is None:
        profile = DecayProfile(blocks, data.yi, mean, free, found, spec.level)
        ml = fit_variances(blocks, blocks.turn(data.yi), blocks.turn(design[:, :r]), reml=False, free=free)
        variances, alpha = _linearised(blocks, data.yi, design[:, kept], r, ml, reml, free)
        vcov_kept = _covariance(blocks, mean.tangent(alpha[None], psi[None])[0][:, kept], variances)
    vcov = np.zeros((count, count))
    vcov[np.ix_(kept, kept)] = vcov_kept
    p = len(shape.names())
    order = np.array([0, *range(r, r + p - 1), *range(1, r), *range(r + p - 1, count)])
    eye = np.eye(p)
    return Fitted(
        shape=shape,
        coefficients=Coefficients(
            names=names,
            values=np.concatenate([alpha, psi])[order],
            vcov=vcov[np.ix_(order, order)],
            level=level,
            decay=decay,
            level_direction=eye[0],
            decay_direction=-eye[1],
        ),
        variances=variances,
        centre_hours=float(data.hours.min()),
        loglik=loglik,
        loglik_ml=loglik,
        decay=None,
        profile=profile,
        notes=tuple(notes),
    )


def _linearised(
    blocks: Blocks,
    yi: Array,
    tangent: Array,
    r: int,
    ml: VarianceFit,
    reml: bool,
    free: tuple[bool, bool],
) -> tuple[VarianceFit, Array]:
    """Variances by the likelihood asked for, and the r amplitudes at them."""
    y, size = blocks.turn(yi), np.sqrt((tangent**2).sum(axis=0))
    x = blocks.turn(tangent / size)
    variances = fit_variances(blocks, y, x, reml=True, free=free) if reml else ml
    variances = or_without_omega(blocks, y, x, variances, reml)
    amplitudes = gls(blocks, y, x[:, :r], spread=variances.spread, omega2=variances.omega2).beta / size[:r]
    return variances, amplitudes


def _covariance(blocks: Blocks, tangent: Array, variances: VarianceFit) -> Array:
    """Covariance of the coefficients of the linearised model."""
    size = np.sqrt((tangent**2).sum(axis=0))
    x, nothing = blocks.turn(tangent / size), np.zeros(len(tangent))
    found = gls(blocks, nothing, x, spread=variances.spread, omega2=variances.omega2)
    return np.asarray(found.vcov / np.outer(size, size), dtype=np.float64)


def _with_random_decay(
    blocks: Blocks, yi: Array, mean: Mean, alpha: Array, psi: Array, kept: BoolArray, reml: bool
) -> tuple[Array, Array, VarianceFit, Array, float] | str:
    """Level and log rate of decay random, linearised at the mean until that stands still; or why not.

    The first-order method of Sheiner & Beal 1980: the covariance of a trial is that of the model linearised at
    random effects of zero.
    """
    r = alpha.size
    low, high = psi - 5.0, psi + 5.0
    for _ in range(_ROUNDS):
        design = mean.tangent(alpha[None], psi[None])[0]
        now = np.concatenate([alpha, psi])
        slope = blocks.turn(-design[:, r])
        working = yi - design[:, :r] @ alpha + design[:, kept] @ now[kept]
        size = np.sqrt((design[:, kept] ** 2).sum(axis=0))
        if not np.all(np.isfinite(size) & (size > MUTE * size.max())):
            return _UNSETTLED
        x = blocks.turn(design[:, kept] / size)
        ml, why = random_decay(blocks, blocks.turn(working), x, slope, reml=False)
        if ml is None:
            return why
        new = now.copy()
        new[kept] = ml.beta / size
        alpha, psi = new[:r], np.clip(new[r:], low, high)
        if np.abs(psi - now[r:]).max() <= _STILL:
            break
    else:
        return _UNSETTLED
    variances, why = random_decay(blocks, blocks.turn(working), x, slope, reml=True) if reml else (ml, "")
    if variances is None:
        return why
    at = gls(blocks, blocks.turn(working), x, spread=variances.spread, omega2=variances.omega2, slope=slope)
    return alpha, psi, variances, at.vcov / np.outer(size, size), ml.loglik


def _require_amplitude(amplitude: Array) -> None:
    if not np.any(amplitude):
        raise ModelError(
            "the effects give an amplitude of zero, which has no rate of decay; use curve='spline'."
        )


def _edge_notes(shape: DecayShape, fit: MeanFit) -> tuple[str, ...]:
    """Parameters at the end of what was tried, in words."""
    lower, upper = fit.at_edge
    notes = []
    if upper[0]:
        notes.append(
            "no decay can be told from the data: the half-life of decay is the longest that was tried"
        )
    if lower[0]:
        notes.append(
            "all decay lies before or between the first measured times: its half-life is not identified"
        )
    for j, name in enumerate(shape.parameters[1:], start=1):
        if lower[j] or upper[j]:
            end = "smallest" if lower[j] else "largest"
            why = (
                "; the onset lies before the first measurement and is not identified"
                if lower[j] and name != "Weibull shape"
                else ""
            )
            notes.append(f"{name} is the {end} that was tried{why}")
    if shape.exchangeable and abs(float(fit.peak.psi[0, 0] - fit.peak.psi[0, 1])) < 1e-3:
        notes.append("the half-lives of onset and decay are estimated as equal and cannot be told apart")
    return tuple(notes)
