"""Are there more significant trials than their power allows?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from ketameta._render import Card, Shown, number, p_value
from ketameta._typing import Array, BoolArray
from ketameta.models import Pooled
from ketameta.models.kernel import fit as fit_kernel
from ketameta.models.result import RATIO_MEASURES, finite, shown
from ketameta.provenance import Provenance
from ketameta.robustness._asked import choice, number_between, pool_of
from ketameta.robustness._cautions import few, heterogeneous
from ketameta.robustness._small_study_power import (
    LIMIT_ALPHA,
    excess_test,
    limit_effect,
    power_of,
    significant_trials,
)
from ketameta.robustness._small_study_result import equals_p

__all__ = ["ExcessSignificance", "excess_significance"]

_TESTS = ("exact", "chi2", "binomial")
_SIDES = ("two-sided", "below", "above")
_EFFECTS = ("pooled", "common", "largest")
_MARGIN = 0.05
_FRAME = (
    *("measure", "k", "observed", "expected", "stat", "p", "effect", "tau2", "limit", "tess", "tess_p"),
)
_TEST_WORDS = {
    "exact": "exact distribution of the number of significant trials",
    "chi2": "chi-square approximation (signed root)",
    "binomial": "binomial distribution with the mean power",
}
_EFFECT_WORDS = {
    "pooled": "the pooled effect and its tau2",
    "common": "the common effect",
    "largest": "the effect of the most precise trial",
}
_SIDE_WORDS = {
    "two-sided": "in either direction",
    "below": "below no effect (one-sided)",
    "above": "above no effect (one-sided)",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ExcessSignificance(Shown):
    """Observed against expected number of significant trials.

    Attributes
    ----------
    measure : str
        Effect measure, empty when unknown.
    k : int
        Number of studies.
    alpha : float
        Level at which a trial counts as significant.
    side : str
        Which trials count: ``two-sided``, ``below`` or ``above``.
    test : str
        ``exact``, ``chi2`` or ``binomial``.
    assumed : str
        Where the true effect comes from: ``pooled``, ``common`` or ``largest``.
    effect, tau2 : float
        True effect (ratios as natural logs) and variance between trials that the power rests on.
    observed : int
        Significant trials.
    expected : float
        Sum of the powers.
    stat, p : float
        Signed root of the chi-square statistic (NaN for the other tests); P value that there are so many or more.
    limit : float
        Effect nearest to 0 at which P reaches 0.10, in the direction of ``side``, of ``effect`` where it is
        two-sided; NaN where P is as large without any effect.
    tess, tess_p : float
        Statistic and one-sided P value for more than 5% of trials in excess (Stanley et al. 2021).
    power : Array, shape (k,)
        Chance of each trial to be significant.
    significant : BoolArray, shape (k,)
        Whether it is.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    k: int
    alpha: float
    side: str
    test: str
    assumed: str
    effect: float
    tau2: float
    observed: int
    expected: float
    stat: float
    p: float
    limit: float
    tess: float
    tess_p: float
    power: Array
    significant: BoolArray
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        return (
            f"Test of excess significance (Ioannidis and Trikalinos): trials significant at {self.alpha:g} "
            f"{_SIDE_WORDS[self.side]}; power by {_EFFECT_WORDS[self.assumed]}; one-sided P by the "
            f"{_TEST_WORDS[self.test]}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row, on the scale of the analysis."""
        return pd.DataFrame([{name: getattr(self, name) for name in _FRAME}])

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        skip = {"power", "significant", "notes", "provenance"}
        result = {name: finite(getattr(self, name)) for name in self.__slots__ if name not in skip}
        result["scale"] = "log" if self.ratio else "identity"
        result["power"] = self.power.tolist()
        result["significant"] = self.significant.tolist()
        result["method"] = self.method
        result["notes"] = list(self.notes)
        result["provenance"] = self.provenance.to_dict()
        return result

    def sentence(self) -> str:
        """The result as a sentence of a results section."""
        return (
            f"Of {self.k} trials {self.observed} {'was' if self.observed == 1 else 'were'} significant, where "
            f"{number(self.expected, 1)} were expected (test of excess significance, {equals_p(self.p)})."
        )

    def _card(self) -> Card:
        rows = (
            ("significant trials", str(self.observed), number(self.expected, 1), p_value(self.p)),
            (
                "more than 5% in excess (TESS)",
                f"{number(100 * self.observed / self.k, 0)}%",
                f"{number(100 * self.expected / self.k, 0)}%",
                p_value(self.tess_p),
            ),
        )
        name = self.measure or "effect"
        assumed = number(shown(self.effect, self.ratio))
        said = f"power for a true {name} of {assumed}, tau2 {number(self.tau2)}"
        if not math.isnan(self.limit):
            limit = number(shown(self.limit, self.ratio))
            said += f"; with a true {name} of {limit} P would be {LIMIT_ALPHA:g}"
        footer = (self.method, said, self.provenance.line())
        return Card(
            f"Excess significance, k = {self.k}", ("", "Observed", "Expected", "P"), rows, self.notes, footer
        )


def excess_significance(
    fit: Pooled,
    *,
    alpha: float = 0.05,
    side: str = "two-sided",
    test: str = "exact",
    effect: str = "pooled",
) -> ExcessSignificance:
    """Test whether more trials are significant than their power allows.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, two studies or more.
    alpha : float
        Level at which a trial counts as significant, by yi / sei and the normal distribution.
    side : str
        ``"two-sided"``: significant in either direction; ``"below"``: only below no effect, one-sided (favours
        ketamine on a symptom scale); ``"above"``: only above.
    test : str
        ``"exact"``: exact distribution of the number of significant trials with different powers; ``"chi2"``: its
        normal approximation with the mean power, as first proposed; ``"binomial"``: binomial with the mean power.
    effect : str
        What the trials are supposed to estimate: ``"pooled"``, the effect of the pool with its tau2;
        ``"common"``, the inverse-variance mean with tau2 = 0; ``"largest"``, the effect of the most precise
        trial with tau2 = 0.

    Returns
    -------
    ExcessSignificance

    Raises
    ------
    ModelError
        For fewer than two studies or an unknown option.

    Notes
    -----
    With a true effect m and variance tau2 between trials, trial i is significant below with probability
    Phi((-z sei - m) / sqrt(vi + tau2)) and above with Phi((m - z sei) / sqrt(vi + tau2)), z the quantile of
    alpha. Expected is the sum of these. P is one-sided: so many or more. A significant test says that too many
    trials are significant for this effect, not which, nor why; it loses power, and its meaning, where
    effects differ. TESS: (excess share - 0.05) / sqrt(0.05 * 0.95 / k), here with the effect and tau2 chosen.

    References
    ----------
    Ioannidis JPA, Trikalinos TA (2007). An exploratory test for an excess of significant findings. Clin Trials
    4:245-253. doi:10.1177/1740774507079441

    Stanley TD, Doucouliagos H, Ioannidis JPA, Carter EC (2021). Detecting publication selection bias through
    excess statistical significance. Res Synth Methods 12:776-795. doi:10.1002/jrsm.1512

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import excess_significance
    >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.19, 0.02, 0.04, 0.01, 0.11])
    >>> found = excess_significance(fit)
    >>> found.observed, round(found.expected, 2)
    (4, 2.78)
    """
    pool_of(fit, "excess_significance", least=2)
    alpha = number_between("alpha", alpha, 0.0, 1.0)
    choice("side", side, _SIDES)
    choice("test", test, _TESTS)
    choice("effect", effect, _EFFECTS)
    mean, tau2 = _assumed(fit, effect)
    z = float(-special.ndtri(alpha / 2 if side == "two-sided" else alpha))
    se = np.sqrt(fit.vi)
    significant = significant_trials(fit.yi / se, z, side)
    observed = int(significant.sum())

    def tested(at: float) -> tuple[float, float]:
        return excess_test(observed, power_of(at, tau2, se, z, side), test)

    power = power_of(mean, tau2, se, z, side)
    stat, p = tested(mean)
    tess = (observed / fit.k - power.mean() - _MARGIN) / math.sqrt(_MARGIN * (1 - _MARGIN) / fit.k)
    for array in (power, significant):
        array.flags.writeable = False
    away = {"two-sided": math.copysign(1.0, mean), "below": -1.0, "above": 1.0}[side]
    unit = math.sqrt(float(fit.vi.max()) + tau2)
    return ExcessSignificance(
        measure=fit.measure,
        k=fit.k,
        alpha=alpha,
        side=side,
        test=test,
        assumed=effect,
        effect=mean,
        tau2=tau2,
        observed=observed,
        expected=float(power.sum()),
        stat=stat,
        p=p,
        limit=away * limit_effect(lambda t: tested(away * t)[1], unit),
        tess=float(tess),
        tess_p=float(special.ndtr(-tess)),
        power=power,
        significant=significant,
        notes=(
            *few(fit),
            *heterogeneous(fit, "the effects of single trials, not selection, may make them significant"),
        ),
        provenance=fit.provenance.after(
            ("excess_significance", {"alpha": alpha, "side": side, "test": test, "effect": effect})
        ),
    )


def _assumed(fit: Pooled, effect: str) -> tuple[float, float]:
    if effect == "pooled":
        return fit.estimate, fit.tau2
    if effect == "largest":
        return float(fit.yi[np.argmin(fit.vi)]), 0.0
    return float(fit_kernel(fit.yi, fit.vi, tau2="EE", weights=False).beta[0]), 0.0
