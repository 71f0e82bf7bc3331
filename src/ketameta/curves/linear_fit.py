"""Fitting a family that is linear in its coefficients."""

from __future__ import annotations

import dataclasses

import numpy as np

from ketameta._typing import Array
from ketameta.curves.blocks import Blocks
from ketameta.curves.fit import VarianceFit, fit_variances
from ketameta.curves.fitted import Coefficients, Fitted
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.linear_shapes import Piecewise, Polynomial, step_shape
from ketameta.curves.moderation import Part
from ketameta.curves.random_decay import random_decay, singular_note, too_few
from ketameta.curves.shapes import LinearShape, Spline, default_knots
from ketameta.curves.spec import CurveSpec
from ketameta.errors import ModelError

__all__ = ["fit_linear", "linear_design", "linear_shape", "or_without_omega"]

_CONDITION = 1e8


def linear_shape(data: TrialTimes, spec: CurveSpec) -> LinearShape:
    """The linear family that is asked for, with what the data must supply."""
    if spec.curve == "steps":
        return step_shape(spec.windows, data.hours)
    if spec.curve == "polynomial":
        return Polynomial(spec.options.degree, float(np.exp(np.log(data.hours).mean())))
    knots = spec.knots or default_knots(data.hours, len(data.trials))
    return Piecewise(knots) if spec.curve == "piecewise" else Spline(knots)


def linear_design(shape: LinearShape, hours: Array, parts: tuple[Part, Part], centre_hours: float) -> Array:
    """Design of the shape, of level effects and of decay effects per doubling of time: shape (n, m)."""
    doublings = np.log2(hours / centre_hours)[:, None]
    return np.concatenate([shape.basis(hours), parts[0].x, parts[1].x * doublings], axis=1)


def fit_linear(
    data: TrialTimes,
    blocks: Blocks,
    spec: CurveSpec,
    parts: tuple[Part, Part],
    free: tuple[bool, bool],
) -> Fitted:
    """Fit a linear family with its moderators.

    Parameters
    ----------
    data : TrialTimes
        Checked effects.
    blocks : Blocks
        Rotated sampling covariance.
    spec : CurveSpec
        Checked arguments.
    parts : tuple of Part
        Moderators of level and of decay; those of decay multiply the doublings of time since the geometric mean
        of the measured times.
    free : tuple of bool
        Which of ``(tau2, omega2)`` to estimate.

    Returns
    -------
    Fitted
        The fit.

    Raises
    ------
    ModelError
        If times and moderators do not determine the coefficients.
    """
    shape, (level, decay) = linear_shape(data, spec), parts
    centre = float(np.exp(np.log(data.hours).mean()))
    doublings = np.log2(data.hours / centre)
    line = shape.line(centre)
    if line is None and (decay.names or spec.options.random == "level+decay"):
        raise ModelError(
            f"curve={spec.curve!r} holds no slope over time, so that decay has neither moderators nor a random "
            "effect; use another curve."
        )
    basis = shape.basis(data.hours)
    if basis.shape[0] < basis.shape[1] or np.linalg.cond(basis) > _CONDITION:
        raise _undetermined(shape, data.yi.size)
    design = linear_design(shape, data.hours, parts, centre)
    names = (*shape.names(), *level.names, *(f"{name}, per doubling of time" for name in decay.names))
    size = np.sqrt((design**2).sum(axis=0))
    if np.any(size == 0) or len(design) < len(size) or np.linalg.cond(design / size) > _CONDITION:
        raise ModelError(
            f"{len(data.trials)} trials with {data.yi.size} effects do not determine {len(names)} coefficients "
            f"({', '.join(names)}): leave moderators out, merge levels, or use a simpler curve."
        )
    x, y = blocks.turn(design), blocks.turn(data.yi)
    reml = spec.options.method == "REML"
    full = fit_variances(blocks, y, x, reml=False, free=free)
    chosen = fit_variances(blocks, y, x, reml=True, free=free) if reml else full
    chosen = or_without_omega(blocks, y, x, chosen, reml)
    notes: tuple[str, ...] = ()
    if spec.options.random == "level+decay":
        slope = blocks.turn(doublings)
        why = too_few(blocks, len(names))
        found, ml = None, None
        if not why:
            found, why = random_decay(blocks, y, x, slope, reml=reml)
        if found is not None:
            ml = found if not reml else random_decay(blocks, y, x, slope, reml=False)[0]
        if found is None:
            notes = (why,)
        else:
            chosen, notes = found, singular_note(found)
            full = full if ml is None else ml
    return Fitted(
        shape=shape,
        coefficients=Coefficients(
            names=names,
            values=chosen.beta,
            vcov=chosen.vcov,
            level=level,
            decay=decay,
            level_direction=shape.constant(),
            decay_direction=np.zeros(basis.shape[1]) if line is None else line,
        ),
        variances=chosen,
        centre_hours=centre,
        loglik=chosen.loglik,
        loglik_ml=full.loglik,
        decay=None,
        profile=None,
        notes=notes,
    )


def or_without_omega(
    blocks: Blocks, y: np.ndarray, x: np.ndarray, fit: VarianceFit, reml: bool
) -> VarianceFit:
    """The fit, or the one with ``omega2 = 0`` where the likelihood cannot tell both variances apart."""
    if fit.distinguishable:
        return fit
    simpler = fit_variances(blocks, y, x, reml=reml, free=(True, False))
    return dataclasses.replace(simpler, distinguishable=False)


def _undetermined(shape: LinearShape, n: int) -> ModelError:
    head = f"the times of the {n} effects do not determine a"
    if isinstance(shape, Spline | Piecewise):
        knots = ", ".join(f"{knot:.4g}" for knot in shape.knots_hours)
        kind = "spline" if isinstance(shape, Spline) else "piecewise line"
        return ModelError(
            f"{head} {kind} with knots at {knots} h. Use fewer knots, or knots inside the observed times."
        )
    return ModelError(f"{head} {shape.describe()}. Use a lower degree.")
