"""Share responding in the arms over time: binomial responses, correlated over time, in trials that differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ketameta._typing import Array
from ketameta.curves.blocks import Blocks, rotate
from ketameta.curves.fit import VarianceFit, fit_variances, gls
from ketameta.curves.responding_inputs import ArmTimes
from ketameta.curves.shapes import Spline
from ketameta.errors import ModelError

__all__ = ["ArmFit", "fit_arms"]

_STEPS = 200
_FULL_STEPS = 20
_TOLERANCE = 1e-8
_RUNAWAY = (9.0, 3.0)
_CONDITION = 1e8
_NOTHING = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class ArmFit:
    """Logits of the share responding, as numbers.

    Attributes
    ----------
    shape : Spline
        The spline of both arms.
    beta, vcov : numpy.ndarray, shapes (a p,) and (a p, a p)
        Logits at the p knots, the ketamine arm first, and their covariance; a is the number of arms.
    spread : numpy.ndarray, shape (a, a)
        Covariance of the trials' logits, the ketamine arm first.
    omega2 : float
        Variance of an arm's logit between times beyond curve and sampling.
    estimated : tuple of bool
        Whether ``spread``, and ``omega2``, could be estimated.
    notes : tuple of str
        What a reader must know.
    """

    shape: Spline
    beta: Array
    vcov: Array
    spread: Array
    omega2: float
    estimated: tuple[bool, bool]
    notes: tuple[str, ...]

    @property
    def arms(self) -> int:
        """1 or 2."""
        return len(self.spread)

    def logits(self, hours: Array) -> tuple[Array, Array]:
        """Logits of the arms at m times, shape (m, a), and their covariances, shape (m, a, a)."""
        basis = self.shape.basis(hours)
        design = np.stack([np.kron(np.eye(self.arms)[arm], basis) for arm in range(self.arms)], axis=1)
        return design @ self.beta, design @ self.vcov @ np.swapaxes(design, 1, 2)


def fit_arms(
    data: ArmTimes, knots: tuple[float, ...], *, rho: float, correlation: str, reml: bool = True
) -> ArmFit:
    """Fit the logits of the arms by penalised quasi-likelihood.

    Parameters
    ----------
    data : ArmTimes
        Checked arms.
    knots : tuple of float
        Knots of the spline in log time, in hours.
    rho, correlation
        Correlation of one person's response over time.
    reml : bool
        Restricted or full likelihood of the linearised model.

    Returns
    -------
    ArmFit
        The fit.

    Raises
    ------
    ModelError
        If the times do not determine the curves, a share runs to 0 or 1, or people cannot correlate as assumed.

    Notes
    -----
    ``logit p_ij = X beta + u_i + w_ij`` for trial i and row j, ``u_i`` a pair for the two arms. Working logits
    ``eta + (y/n - p) / (p q)`` have the sampling covariance that binomial responses of the same people have at
    the fitted ``p``; the linear mixed model of them is fitted by (restricted) likelihood, ``p`` is taken anew from
    fixed and predicted random effects, until nothing moves (Breslow & Clayton 1993).
    """
    shape = Spline(knots)
    basis = shape.basis(data.hours)
    x = (
        basis
        if not data.both
        else np.hstack([basis * data.ketamine[:, None], basis * ~data.ketamine[:, None]])
    )
    _require_determined(x, data, knots)
    _require_events(data)
    free, paired, notes = _identified(data, x.shape[1])
    ketamine = data.ketamine.astype(np.float64) if paired else None
    eta = np.log((data.events + 0.5) / (data.totals - data.events + 0.5))
    farthest = max(_RUNAWAY[0], float(np.abs(eta).max()) + _RUNAWAY[1])
    for step in range(_STEPS):
        share = expit(eta)
        blocks = rotate(data.covariances(share, rho=rho, correlation=correlation))
        _require_possible(blocks, rho, correlation)
        y = eta + (data.events / data.totals - share) / (share * (1 - share))
        fit = _mixed(blocks, y, x, ketamine, free, reml)
        fixed = x @ fit.beta
        _require_finite(fixed, data, farthest)
        new = fixed + _predicted(blocks, fit, data, ketamine)
        change = float(np.abs(new - eta).max())
        eta = new if step < _FULL_STEPS else (eta + new) / 2
        if change <= _TOLERANCE:
            spread = _by_arm(fit.spread, data.both)
            notes += _at_zero(spread, fit.omega2, free)
            return ArmFit(shape, fit.beta, fit.vcov, spread, fit.omega2, free, tuple(notes))
    raise ModelError(
        "the shares responding did not settle; there are too few events for so many knots. Pass fewer knots, "
        "such as knots=(first, last)."
    )


def _identified(data: ArmTimes, p: int) -> tuple[tuple[bool, bool], bool, list[str]]:
    """Which of the variances the data speak of, whether the arms of a trial differ, and what to say."""
    k, n, arms = len(data.trials), data.hours.size, int(data.arm.max()) + 1
    if k == 1:
        return (
            (False, False),
            False,
            [
                f"a single trial ({data.trials[0]}): heterogeneity cannot be estimated and is set to zero; intervals "
                "hold its sampling error only"
            ],
        )
    if n <= p:
        return (
            (False, False),
            False,
            [f"as many coefficients as shares ({n}): heterogeneity cannot be estimated and is set to zero"],
        )
    notes = []
    paired = data.both and data.fewest > 2 and n > p + 2
    if data.both and not paired:
        notes.append("too few trials to tell the arms' heterogeneity apart: both arms of a trial shift alike")
    repeated = n > arms and n > p + (3 if paired else 1)
    if not repeated:
        notes.append("too few repeated measurements: omega2 is set to zero")
    return (True, repeated), paired, notes


def _mixed(
    blocks: Blocks, y: Array, x: Array, ketamine: Array | None, free: tuple[bool, bool], reml: bool
) -> VarianceFit:
    turned_y, turned_x = blocks.turn(y), blocks.turn(x)
    if not any(free):
        return gls(blocks, turned_y, turned_x, spread=np.zeros((1, 1)), omega2=0.0)
    slope = None if ketamine is None else blocks.turn(ketamine)
    try:
        return fit_variances(blocks, turned_y, turned_x, reml=reml, free=free, slope=slope)
    except ModelError as error:
        raise ModelError(
            "the heterogeneity of the shares did not settle; there are too few events."
        ) from error


def _predicted(blocks: Blocks, fit: VarianceFit, data: ArmTimes, ketamine: Array | None) -> Array:
    """Best linear unbiased prediction of ``Z u + w`` for each row."""
    z = blocks.ones[:, None] if ketamine is None else np.column_stack([blocks.ones, blocks.turn(ketamine)])
    u = np.add.reduceat(z * fit.weighted_residual[:, None], blocks.starts) @ fit.spread
    plain = (
        np.ones((data.trial.size, 1))
        if ketamine is None
        else np.column_stack([np.ones(ketamine.size), ketamine])
    )
    w = fit.omega2 * blocks.turn_back(fit.weighted_residual[None])[0]
    return np.asarray((plain * u[data.trial]).sum(axis=1) + w, dtype=np.float64)


def _by_arm(spread: Array, both: bool) -> Array:
    """Covariance of (ketamine, comparator) from that of (comparator, difference), or of a common shift."""
    if spread.shape == (2, 2):
        turn = np.array([[1.0, 1.0], [1.0, 0.0]])
        return np.asarray(turn @ spread @ turn.T, dtype=np.float64)
    return np.full((2, 2), spread[0, 0]) if both else spread


def _at_zero(spread: Array, omega2: float, free: tuple[bool, bool]) -> list[str]:
    """Which estimated variances lie on their bound of zero."""
    names = ["tau2"] if free[0] and np.diag(spread).max() < _NOTHING else []
    names += ["omega2"] if free[1] and omega2 < _NOTHING else []
    return [f"{' and '.join(names)} estimated as zero, on the boundary of what it can be"] if names else []


def _require_determined(x: Array, data: ArmTimes, knots: tuple[float, ...]) -> None:
    if x.shape[0] < x.shape[1] or np.linalg.cond(x) > _CONDITION:
        text = ", ".join(f"{knot:.4g}" for knot in knots)
        raise ModelError(
            f"the times of the {data.hours.size} shares responding do not determine a spline with knots at {text} h in each arm. "
            "Pass fewer knots, or knots inside the measured times."
        )


def _require_events(data: ArmTimes) -> None:
    """Refuse arms in which nobody, or everybody, responds at all times in all trials."""
    for kind, arm in (("ketamine", data.ketamine), ("comparator", ~data.ketamine)):
        events, totals = data.events[arm], data.totals[arm]
        for who, end, extreme in (("nobody", "0%", events == 0), ("everybody", "100%", events == totals)):
            if events.size and extreme.all():
                remedy = "; arms='ketamine' fits the other arm alone" if kind == "comparator" else ""
                raise ModelError(
                    f"{who} responds at any time in any {kind} arm: the share runs to {end}, whose logit has no finite "
                    f"estimate{remedy}."
                )


def _require_possible(blocks: Blocks, rho: float, correlation: str) -> None:
    if blocks.spectrum.min() <= 0:
        raise ModelError(
            f"responses of the same people cannot correlate by {rho:g} ({correlation}) between all times, as their shares "
            "differ too much. Pass a smaller rho, or options=CurveOptions(correlation='log-time')."
        )


def _require_finite(fixed: Array, data: ArmTimes, farthest: float) -> None:
    """Refuse logits that have left those of the observed shares, half a person added, behind."""
    if np.abs(fixed).max() <= farthest:
        return
    worst = int(np.argmax(np.abs(fixed)))
    kind = "ketamine" if data.ketamine[worst] else "comparator"
    none, end = ("responder", "0%") if fixed[worst] < 0 else ("non-responder", "100%")
    raise ModelError(
        f"the {kind} arms have no {none} near {data.hours[worst]:g} h: the share runs to {end}, whose logit has no finite "
        "estimate. Pass fewer knots, or leave that time out."
    )
