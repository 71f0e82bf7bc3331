"""The effect of a new trial: its interval, and the probability that it lies beyond a value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from ketameta._render import Card, Shown, number
from ketameta._typing import Array, Rng
from ketameta.errors import ModelError
from ketameta.models.quadratic_forms import draw_tau2

__all__ = ["BootstrapTrial", "LimitTrial", "MeanInference", "NewTrial", "NoTrial", "Probability", "bootstrap"]

_ELEMENTS = 2**20


class MeanInference(Protocol):
    """What ``Inference`` and ``ProfileInference`` offer for one mean."""

    @property
    def estimate(self) -> Any:
        """Estimate of the mean."""

    @property
    def se(self) -> Any:
        """Its standard error."""

    @property
    def df(self) -> Any:
        """Degrees of freedom; infinity for the normal."""

    @property
    def level(self) -> float:
        """Level of the intervals."""

    @property
    def critical(self) -> Any:
        """Quantile of the reference distribution."""

    @property
    def stat(self) -> Any:
        """Test statistic against no effect."""

    @property
    def p(self) -> Any:
        """Two-sided P value against no effect."""

    def interval(self) -> tuple[Any, Any]:
        """Confidence interval."""

    def prediction(self, tau2: Any) -> tuple[Any, Any]:
        """Interval for the true effect of a new study."""

    def below(self, value: Any, tau2: Any = 0.0) -> Any:
        """Probability that the limits give to effects below a value."""


class NewTrial(Protocol):
    """What is known of the true effect of a new trial."""

    @property
    def method(self) -> str:
        """How it is known."""

    def interval(self) -> tuple[float, float]:
        """Prediction interval."""

    def below(self, value: float) -> float:
        """Probability of an effect below a value."""

    def above(self, value: float) -> float:
        """Probability of an effect above a value."""


@dataclass(frozen=True, slots=True)
class NoTrial:
    """Nothing is known: a common effect, or one study."""

    method: str = "none"

    def interval(self) -> tuple[float, float]:
        """Two NaN."""
        return math.nan, math.nan

    def below(self, value: float) -> float:
        """NaN."""
        return math.nan

    def above(self, value: float) -> float:
        """NaN."""
        return math.nan


@dataclass(frozen=True, slots=True, eq=False)
class LimitTrial:
    """A new trial by the limits of an inference on the mean, widened by tau2."""

    method: str
    inference: MeanInference
    tau2: float

    def interval(self) -> tuple[float, float]:
        """Prediction interval at the level of the inference."""
        low, high = self.inference.prediction(self.tau2)
        return float(low), float(high)

    def below(self, value: float) -> float:
        """Half of 1 - level at the lower limit of the interval of that level, and so on for any level."""
        return float(self.inference.below(value, self.tau2))

    def above(self, value: float) -> float:
        """What is left of 1."""
        return 1.0 - self.below(value)


@dataclass(frozen=True, slots=True, eq=False)
class BootstrapTrial:
    """A new trial by draws.

    Attributes
    ----------
    draws : Array, shape (n,)
        Draws of its true effect, sorted.
    level : float
        Level of the interval.
    """

    draws: Array
    level: float

    @property
    def method(self) -> str:
        """The name of the method."""
        return "bootstrap"

    def interval(self) -> tuple[float, float]:
        """Percentiles of the draws."""
        tail = (1.0 - self.level) / 2.0
        low, high = np.quantile(self.draws, [tail, 1.0 - tail])
        return float(low), float(high)

    def below(self, value: float) -> float:
        """Share of draws below a value."""
        return float(np.searchsorted(self.draws, value, side="left")) / self.draws.size

    def above(self, value: float) -> float:
        """Share of draws above a value."""
        return 1.0 - float(np.searchsorted(self.draws, value, side="right")) / self.draws.size


def bootstrap(y: Array, v: Array, *, level: float, draws: int, rng: Rng) -> BootstrapTrial:
    """Parametric bootstrap from the confidence distribution of tau2.

    Parameters
    ----------
    y, v : Array, shape (k,)
        Effects and sampling variances of at least two studies.
    level : float
        Level of the interval.
    draws : int
        How many.
    rng : Generator, int or None
        Source of random numbers; a seed gives the same draws again.

    Notes
    -----
    Each draw takes tau2 from its confidence distribution by Cochran's Q, the mean and its
    Hartung-Knapp-Sidik-Jonkman standard error at that tau2, and is mean - t se + z tau, with t from Student's
    distribution with k - 1 degrees of freedom and z from the normal (Nagashima, Noma and Furukawa 2019,
    Statistical Methods in Medical Research 28:1689-1702). It rests on no estimate of tau2.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.prediction import bootstrap
    >>> y, v = np.array([-1.2, -0.4, -0.1, -0.9]), np.array([0.04, 0.09, 0.05, 0.06])
    >>> found = bootstrap(y, v, level=0.95, draws=5000, rng=1)
    >>> found.draws.size, found.below(0.0) > 0.8
    (5000, True)
    """
    generator = np.random.default_rng(rng)
    tau2 = draw_tau2(y, v, generator.uniform(size=draws))
    z, t = generator.standard_normal(draws), generator.standard_t(y.size - 1, draws)
    base = y[np.argmin(v)]
    result = np.empty(draws)
    size = max(1, _ELEMENTS // y.size)
    for start in range(0, draws, size):
        part = slice(start, start + size)
        w = 1.0 / (v + tau2[part, None])
        w /= w.sum(axis=-1, keepdims=True)
        mean = w @ (y - base)
        se = np.sqrt((w * np.square(y - base - mean[:, None])).sum(axis=-1) / (y.size - 1))
        result[part] = base + (mean - t[part] * se + z[part] * np.sqrt(tau2[part]))
    result.sort()
    result.flags.writeable = False
    return BootstrapTrial(result, level)


@dataclass(frozen=True, slots=True, repr=False)
class Probability(Shown):
    """How probable an effect beyond a value is, for a new trial and for the mean.

    Attributes
    ----------
    side : str
        ``"below"`` or ``"above"``.
    value : float
        The value, on the scale of the analysis (ratios as natural logs).
    new_trial : float
        Probability, 0 to 1, that the true effect of a new trial lies on that side; NaN where there is no
        prediction interval.
    mean : float
        The same for the mean: the confidence in a one-sided interval that ends at the value. NaN where the
        interval has no width.
    measure : str
        Effect measure, empty when unknown.
    ratio : bool
        True where the measure is a ratio, shown as such in the sentence.
    method : str
        How the probability for a new trial was found.
    """

    side: str
    value: float
    new_trial: float
    mean: float
    measure: str
    ratio: bool
    method: str

    @staticmethod
    def of(inference: MeanInference, trial: NewTrial, below: Any, above: Any, **said: Any) -> Probability:
        """Read both probabilities off the objects that gave the intervals."""
        if (below is None) == (above is None):
            raise ModelError("give either below or above, such as below=-0.24")
        side, given = ("below", below) if above is None else ("above", above)
        real = isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
        if not real or not math.isfinite(given):
            raise ModelError(f"{side}={given!r} must be a finite number, on the scale of the analysis")
        value = float(given)
        mean = float(inference.below(value))
        return Probability(
            side,
            value,
            trial.below(value) if above is None else trial.above(value),
            mean if above is None else 1.0 - mean,
            method=trial.method,
            **said,
        )

    def sentence(self) -> str:
        """Both probabilities as a sentence."""
        value = math.exp(min(self.value, 700.0)) if self.ratio else self.value
        name = f"{self.measure or 'effect'} {self.side} {number(value)}"
        if math.isnan(self.new_trial):
            trial = f"The probability of a true {name} in a new trial cannot be estimated"
        else:
            trial = f"A new trial has a true {name} with probability {_share(self.new_trial)}"
        mean = "" if math.isnan(self.mean) else f"; the mean lies there with confidence {_share(self.mean)}"
        return f"{trial}{mean}."

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing number."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }

    def _card(self) -> Card:
        value = math.exp(min(self.value, 700.0)) if self.ratio else self.value
        return Card(
            title=f"Probability of {self.measure or 'effect'} {self.side} {number(value)}",
            columns=("", "probability"),
            rows=(("in a new trial", _share(self.new_trial)), ("for the mean", _share(self.mean))),
            footer=(f"Distribution of a new trial: {self.method}",),
        )

    def __str__(self) -> str:
        return self.sentence()


def _share(p: float) -> str:
    """A probability with two decimals, and never shown as 0 or 1."""
    if p < 0.005:
        return "< 0.01"
    return "> 0.99" if p > 0.995 else number(p)
