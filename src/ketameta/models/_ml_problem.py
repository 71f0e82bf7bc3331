"""A model with known and estimated covariance as a problem of numbers: scaled, blocked, solved, scaled back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.errors import ModelError
from ketameta.models._ml_blocks import Stack, connected, stacked
from ketameta.models._ml_cholesky import Cholesky
from ketameta.models._ml_likelihood import Model, Point, evaluate, slopes
from ketameta.models._ml_sampling import Triplets
from ketameta.models._ml_search import Maximum, climb, maximise
from ketameta.models._ml_structures import Structure
from ketameta.models._ml_terms import Term
from ketameta.models._studies import name_rows

__all__ = ["Fitted", "Problem"]

_SINGULAR = 1e-8
_UNIDENTIFIED = 1e-10
_GENERIC = 0.37
_JITTER = 1e-6
_WIDEST = 1e100


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model at its best parameters.

    Attributes
    ----------
    model : Model
        In units of ``Problem.unit``.
    maximum : Maximum
        Where its likelihood is highest.
    components : list of Array
        Variances, then correlations, of each term, in the units of the data; NaN where unknown.
    loglik : float
        (Restricted) log-likelihood in the units of the data.
    """

    model: Model
    maximum: Maximum
    components: list[Array]
    loglik: float

    @property
    def point(self) -> Point:
        """Least squares at the maximum."""
        return self.maximum.point


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Effects, design, sampling covariance and random effects.

    Attributes
    ----------
    terms : tuple of Term
        Random effects.
    model : Model
        Likelihood of the effects divided by ``unit``, on the design ``x @ turn``.
    unit : float
        Unit of the effects, a power of 2.
    turn : Array, shape (p,)
        What the columns of the design are multiplied with.
    """

    terms: tuple[Term, ...]
    model: Model
    unit: float
    turn: Array

    @staticmethod
    def of(
        y: Array, x: Array, v: Triplets, terms: Sequence[Term], rows: pd.DataFrame, *, reml: bool
    ) -> Problem:
        """Sort the effects into blocks and scale them.

        Raises
        ------
        ModelError
            When V is not a covariance matrix, or the numbers leave the range that can be computed with.
        """
        n, p = x.shape
        variance = v.diagonal(n)
        least = variance[variance > 0].min(initial=math.inf)
        if np.abs(y).max() > _WIDEST or least < 1.0 / _WIDEST**2:
            raise ModelError(
                f"the numbers lie too far apart to be fitted (vi from {variance.min():g} to {variance.max():g}, yi from "
                f"{y.min():g} to {y.max():g}); check their units"
            )
        unit = _unit(y, x, variance)
        turn = 1.0 / np.sqrt((x * x).sum(axis=0))
        scaled, values = x * turn, replace(v, value=v.value / unit**2)
        apart = v.i < v.j
        pairs = np.column_stack([v.i[apart], v.j[apart]])
        block = connected(n, [term.group for term in terms], pairs)
        stacks = _stacks(block, values, y / unit, scaled, terms)
        _check_sampling(stacks, rows)
        logdet = 2.0 * float(np.log(np.abs(np.diag(np.linalg.qr(scaled)[1]))).sum())
        model = Model(stacks, tuple(term.structure for term in terms), n, p, reml, logdet)
        return Problem(tuple(terms), model, unit, turn)

    @property
    def names(self) -> list[str]:
        """Names of all components."""
        return [name for term in self.terms for name in term.components]

    def fit(self, fixed: Mapping[str, float], start: Fitted | None = None) -> Fitted:
        """Maximise the likelihood, some components held fixed, from everywhere or from another fit."""
        model, free, held = self._holding(fixed)
        if start is None:
            self._check_identified(model, free, held)
            found = maximise(model, free, held, 1.0)
        else:
            theta = np.where(free, _carried(model, start), held)
            found = climb(model, free, theta, 1.0)
        natural = [
            self._reported(term, part.natural(at))
            for term, part, at in zip(
                self.terms, model.structures, model.split(found.point.theta), strict=True
            )
        ]
        count = model.n - model.p if model.reml else model.n
        return Fitted(model, found, natural, found.point.loglik - count * math.log(self.unit))

    def coefficients(self, point: Point) -> tuple[Array, Array]:
        """Coefficients of the columns of x and their covariance."""
        beta = self.unit * self.turn * point.beta
        return beta, self.unit**2 * point.vcov * np.outer(self.turn, self.turn)

    def _reported(self, term: Term, natural: Array) -> Array:
        """Components in the units of the data, NaN where nothing is known of one."""
        result = np.full(len(term.components), np.nan)
        result[: natural.size] = natural
        variances = np.array([name.startswith("tau2") for name in term.components])
        result[variances] *= self.unit**2
        result[np.array(term.unknown)] = np.nan
        without = variances.sum() == 1 and result[0] == 0
        if without:
            result[1:] = np.nan
        return result

    def _holding(self, fixed: Mapping[str, float]) -> tuple[Model, BoolArray, Array]:
        structures: list[Structure] = []
        free, held = [], []
        for term in self.terms:
            part: Structure = term.structure
            at: dict[int, tuple[str, float]] = {}
            for index, name in enumerate(term.components):
                if name not in fixed:
                    continue
                value = fixed[name] / self.unit**2 if name.startswith("tau2") else fixed[name]
                if isinstance(part, Cholesky) and part.turn.shape[1] < len(part.turn):
                    raise ModelError(
                        f"{name!r} and another component of {term.random.text!r} cannot both be fixed: of an unstructured "
                        "matrix of three or more levels, one is held at a time"
                    )
                part, place, value = part.held(index, value)
                if place is not None:
                    at[place] = name, value
            low, high = part.lower, part.upper
            for place, (name, value) in at.items():
                if not low[place] <= value <= high[place]:
                    span = "from 0" if name.startswith("tau2") else f"from {low[place]:.3g} to 1"
                    raise ModelError(
                        f"fixed: {name!r} = {fixed[name]:g} lies outside its range, which goes {span}"
                    )
            structures.append(part)
            free.append(np.array([i not in at for i in range(low.size)], dtype=np.bool_))
            held.append(np.array([at[i][1] if i in at else 0.0 for i in range(low.size)]))
        empty = np.zeros(0)
        return (
            replace(self.model, structures=tuple(structures)),
            np.concatenate([empty.astype(np.bool_), *free]),
            np.concatenate([empty, *held]),
        )

    def _check_identified(self, model: Model, free: BoolArray, held: Array) -> None:
        """Refuse components that no data of this shape can tell apart."""
        if not free.any():
            return
        parts = [
            part.start(1.0, max(float(np.max(part.correlations)), 0.0) * _GENERIC)
            for part in model.structures
        ]
        point = evaluate(model, np.where(free, np.concatenate(parts), held))
        if point is None:
            return
        expected = slopes(model, point).expected
        owner = np.repeat(np.arange(len(parts)), [part.size for part in parts])
        sparse = [any(term.unknown) for term in self.terms]
        known = np.flatnonzero(free & ~np.array(sparse, dtype=np.bool_)[owner])
        information = expected[np.ix_(known, known)]
        size = np.diag(information)
        texts = [self.terms[owner[i]].random.text for i in known]
        if known.size and size.min() <= _UNIDENTIFIED:
            at = int(known[np.argmin(size)])
            term, part = self.terms[owner[at]], model.structures[owner[at]]
            within = at - int(np.flatnonzero(owner == owner[at])[0])
            name = term.random.text if isinstance(part, Cholesky) else term.components[within]
            raise ModelError(
                f"these effects tell nothing about {name!r}: the moderators, or too few effects, leave no difference that it "
                "could explain; leave it out of random, choose a simpler structure, or fix it"
            )
        root = np.sqrt(size)
        values, vectors = np.linalg.eigh(information / np.outer(root, root))
        if known.size and values[0] <= _UNIDENTIFIED:
            involved = sorted({texts[i] for i in np.flatnonzero(np.abs(vectors[:, 0]) > 0.05)})
            raise ModelError(
                f"the random effects {', '.join(map(repr, involved))} have components that cannot be told apart in these "
                f"{model.n} effects; leave one out of random, choose a simpler structure, or fix a component"
            )


def _unit(y: Array, x: Array, variance: Array) -> float:
    """A power of 2 near the spread of the effects."""
    typical = float(np.median(variance))
    weight = 1.0 / (variance + typical) if typical > 0 else np.ones_like(y)
    root = np.sqrt(weight)
    residual = y - x @ np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
    spread = typical + float((weight * residual**2).sum() / weight.sum())
    return 2.0 ** round(0.5 * math.log2(spread)) if spread > 0 else 1.0


def _stacks(block: AnyArray, v: Triplets, y: Array, x: Array, terms: Sequence[Term]) -> list[Stack]:
    found = []
    stack_of, place, position = (np.empty(y.size, dtype=np.intp) for _ in range(3))
    layout = stacked(block)
    for number, rows in enumerate(layout):
        stack_of[rows] = number
        place[rows] = np.arange(len(rows))[:, None]
        position[rows] = np.arange(rows.shape[1])
    for number, rows in enumerate(layout):
        own = stack_of[v.i] == number
        sampling = np.zeros((*rows.shape, rows.shape[1]))
        i, j = v.i[own], v.j[own]
        sampling[place[i], position[i], position[j]] = v.value[own]
        codes = tuple(term.codes(rows) for term in terms)
        found.append(Stack(rows, sampling, y[rows], x[rows], codes))
    return found


def _check_sampling(stacks: Sequence[Stack], rows: pd.DataFrame) -> None:
    """Refuse a V with a negative eigenvalue; a singular one may stand."""
    for stack in stacks:
        diagonal = np.diagonal(stack.v, axis1=1, axis2=2)
        if np.count_nonzero(stack.v) == np.count_nonzero(diagonal) and (diagonal >= 0).all():
            continue
        root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        r = stack.v / (root[:, :, None] * root[:, None, :])
        smallest = np.linalg.eigvalsh(r)[:, 0]
        worst = int(np.argmin(smallest))
        if smallest[worst] < -_SINGULAR or not np.isfinite(smallest).all():
            raise ModelError(
                f"V is no covariance matrix: its block of {name_rows(rows, stack.rows[worst].tolist())} has a negative "
                f"eigenvalue ({smallest[worst]:.2g} on the scale of correlations); check its covariances"
            )


def _carried(model: Model, start: Fitted) -> Array:
    """Parameters of another fit, in the structures of this one."""
    parts = []
    for part, old, theta in zip(
        model.structures, start.model.structures, start.model.split(start.point.theta), strict=True
    ):
        if part is old or not (isinstance(part, Cholesky) and isinstance(old, Cholesky)):
            parts.append(theta)
            continue
        g = old.matrix(theta)
        parts.append(part.theta(g + _JITTER * max(1.0, float(np.trace(g))) * np.eye(len(g))))
    return np.concatenate([np.zeros(0), *parts])
