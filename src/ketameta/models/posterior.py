"""Posterior of a Bayesian meta-analysis as a result: quantities, table, sentence, card."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number
from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models._mixture import Mixtures
from ketameta.models._mu_given_tau import Model
from ketameta.models._tau_posterior import TauPosterior
from ketameta.models.marginals import STATISTICS, EffectLaw, Marginal, numbers, probability
from ketameta.models.priors import Normal, TauPrior
from ketameta.models.result import RATIO_MEASURES, finite, level_text, plain_rows, shown, small
from ketameta.provenance import Provenance

__all__ = ["Posterior", "shrunken"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Posterior(Shown):
    """Posterior of a random-effects meta-analysis.

    Numbers are on the scale of the analysis: ratios (OR, RR, HR, ROM) as natural logs. The card and the
    sentence show ratios.

    Attributes
    ----------
    measure : str
        Effect measure, empty when unknown.
    k : int
        Number of studies.
    level : float
        Level of all credible intervals.
    tau_prior, mu_prior : TauPrior, Normal or None
        Priors; None is the improper flat prior of mu.
    mu, tau, new : Marginal
        Posterior of the mean effect, of the standard deviation between studies, and of the true effect of a new
        study.
    studies : DataFrame
        A row for each study: ``label``, ``yi``, ``vi`` and the posterior of its true effect, shrunken toward the
        mean (columns as the fields of :class:`Marginal`).
    log_evidence : float
        Log marginal likelihood; NaN where a prior is improper.
    log_bf_mu0, log_bf_tau0 : float
        Log Bayes factors of mu = 0 and of tau = 0 against the model, positive where the data speak for the zero; NaN
        where the prior of the tested quantity is improper.
    rows, left_out : DataFrame
        The rows used, in order; the rows without an effect size.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    k: int
    level: float
    tau_prior: TauPrior
    mu_prior: Normal | None
    mu: Marginal
    tau: Marginal
    new: Marginal
    studies: pd.DataFrame
    log_evidence: float
    log_bf_mu0: float
    log_bf_tau0: float
    rows: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance
    _model: Model
    _law: TauPosterior
    _origin: float

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def bf_mu0(self) -> float:
        """Bayes factor of mu = 0 against the model, above 1 where the data speak for no effect on average."""
        return _exp(self.log_bf_mu0)

    @property
    def bf_tau0(self) -> float:
        """Bayes factor of tau = 0 against the model, above 1 where the data speak for homogeneity."""
        return _exp(self.log_bf_tau0)

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        mu = "flat prior of the mean" if self.mu_prior is None else f"{self.mu_prior} prior of the mean"
        return (
            f"Bayesian random-effects model, normal within and between studies; {self.tau_prior} prior of tau; {mu}; "
            f"by quadrature; {level_text(self.level)} credible intervals with equal tails"
        )

    def density(self, mu: ArrayLike, tau: ArrayLike) -> Any:
        """Joint posterior density of mu and tau at points, broadcast against each other."""
        try:
            at_mu, at_tau = np.broadcast_arrays(numbers("mu", mu), numbers("tau", tau))
        except ValueError:
            raise ModelError(
                f"mu has shape {np.shape(mu)} and tau {np.shape(tau)}, which do not fit each other; give as many of "
                "both, or a single one of either"
            ) from None
        _, mean, sd = self._model.given(np.maximum(at_tau.ravel(), 0.0))
        z = (at_mu.ravel() - self._origin - mean) / sd
        normal = np.exp(-0.5 * z * z) / (sd * math.sqrt(2.0 * math.pi))
        found = (normal * self._law.pdf(at_tau.ravel())).reshape(at_mu.shape)
        return float(found) if found.ndim == 0 else found

    def study(self, which: int | str) -> Marginal:
        """Posterior of the true effect of one study, by its position (from 0) or its label."""
        labels = self.studies["label"].tolist()
        if isinstance(which, str) and labels.count(which) == 1:
            i = labels.index(which)
        elif isinstance(which, int) and not isinstance(which, bool) and -self.k <= which < self.k:
            i = which % self.k
        else:
            raise ModelError(
                f"study {which!r} is not one of {', '.join(map(repr, labels[:5]))}, or not only one"
            )
        tau, weights = self._law.nodes()
        law = EffectLaw(shrunken(self._model, tau, weights, i, i + 1), self._origin)
        row = self.studies.iloc[i]
        return Marginal(**{name: float(row[name]) for name in STATISTICS}, level=self.level, _law=law)

    def to_frame(self) -> pd.DataFrame:
        """A row for mu, tau, the effect of a new study and that of each study, on the scale of the analysis."""
        rows: list[dict[str, Any]] = []
        for quantity, found in (("mu", self.mu), ("tau", self.tau), ("new", self.new)):
            row: dict[str, Any] = {"quantity": quantity, "label": ""}
            rows.append(row | {name: getattr(found, name) for name in STATISTICS})
        head = pd.DataFrame(rows)
        studies = self.studies[["label", *STATISTICS]].copy()
        studies.insert(0, "quantity", "study")
        result = pd.concat([head, studies], ignore_index=True)
        result["level"] = self.level
        result["measure"] = self.measure
        result["scale"] = "log" if self.ratio else "identity"
        return result

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        result: dict[str, Any] = {
            "measure": self.measure,
            "k": self.k,
            "level": self.level,
            "tau_prior": str(self.tau_prior),
            "mu_prior": "flat" if self.mu_prior is None else str(self.mu_prior),
        }
        for name in ("mu", "tau", "new"):
            found = getattr(self, name)
            result[name] = {key: finite(getattr(found, key)) for key in STATISTICS}
        for name in ("log_evidence", "log_bf_mu0", "log_bf_tau0"):
            result[name] = finite(getattr(self, name))
        result["p_below_0"] = {"mu": self.mu.cdf(0.0), "new": self.new.cdf(0.0)}
        result["scale"] = "log" if self.ratio else "identity"
        result["method"] = self.method
        result["studies"] = plain_rows(self.studies)
        result["notes"] = list(self.notes)
        result["provenance"] = self.provenance.to_dict()
        return result

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        level, name = level_text(self.level), self.measure or "effect"
        null = 1 if self.ratio else 0
        return (
            f"The posterior median of the mean {name} was {self._number(self.mu.median)} ({level} credible interval "
            f"{self._number(self.mu.low)} to {self._number(self.mu.high)}; P(< {null}) {_equals(self.mu)}; effect of a "
            f"new trial {self._number(self.new.low)} to {self._number(self.new.high)}, P(< {null}) "
            f"{_equals(self.new)}; tau {small(self.tau.median)}, {small(self.tau.low)} to {small(self.tau.high)}; "
            f"k = {self.k}; prior of tau {self.tau_prior})."
        )

    def _number(self, value: float) -> str:
        return number(shown(value, self.ratio))

    def _card(self) -> Card:
        level, name = level_text(self.level), self.measure or "effect"

        def line(label: str, found: Any) -> tuple[str, str, str, str]:
            bounds = interval(shown(found.low, self.ratio), shown(found.high, self.ratio))
            return label, self._number(found.median), bounds, probability(found)

        rows = [line(f"mean {name}", self.mu), line("new study", self.new)]
        rows.append(("tau", small(self.tau.median), f"[{small(self.tau.low)}, {small(self.tau.high)}]", ""))
        for label, value in (("mean effect 0", self.bf_mu0), ("tau = 0", self.bf_tau0)):
            if not math.isnan(value):
                rows.append((f"Bayes factor of {label}", f"{value:.3g}", "", ""))
        footer = [self.method]
        if self.ratio:
            footer.append(f"{name} shown as ratio; analysed, and stored in the fields, as its natural log")
        footer.append(self.provenance.line())
        columns = ("", "Median", f"{level} interval", f"P(< {1 if self.ratio else 0})")
        return Card(f"Posterior of {name}, k = {self.k}", columns, tuple(rows), self.notes, tuple(footer))


def shrunken(model: Model, tau: Array, weights: Array, start: int, stop: int) -> Mixtures:
    """True effects of studies ``start`` to ``stop`` given tau, as mixtures over its nodes."""
    _, mean, sd = model.given(tau)
    y, v = model.y[start:stop, None], model.v[start:stop, None]
    to_mean = v / (v + np.square(tau))
    own = np.square(tau) * to_mean
    return Mixtures(weights, y + to_mean * (mean - y), np.sqrt(own + np.square(to_mean * sd)))


def _equals(found: Marginal) -> str:
    text = probability(found)
    return f"{text[0]} {text[1:]}" if text[0] in "<>" else f"= {text}"


def _exp(value: float) -> float:
    return math.inf if value > 709.0 else math.exp(value)
