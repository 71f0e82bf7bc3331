"""PET-PEESE: the effect that a line, or a parabola, of effects on standard errors gives a trial of endless size."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta.models import Pooled
from ketameta.models.result import RATIO_MEASURES, finite, level_text, shown
from ketameta.provenance import Provenance
from ketameta.robustness._asked import choice, number_between, pool_of
from ketameta.robustness._small_study_cautions import on_standard_error
from ketameta.robustness._small_study_line import MODELS, Line, draw_line, model_words
from ketameta.robustness._small_study_result import equals_p

__all__ = ["Extrapolation", "PetPeese", "pet_peese"]

_LEAST = 3
_NAMES = ("PET", "PEESE")


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The effect at a standard error of 0, its test, and the slope that leads there.

    Attributes
    ----------
    estimate, se, ci_low, ci_high, stat, df, p : float
        Effect at 0; ``p`` is two-sided.
    slope, slope_p : float
        Slope on the standard error (PET) or on the variance (PEESE), and its two-sided P value.
    """

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    stat: float
    df: float
    p: float
    slope: float
    slope_p: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PetPeese(Shown):
    """Effects adjusted for small-study effects by regression.

    Attributes
    ----------
    measure : str
        Effect measure, empty when unknown.
    level : float
        Level of the intervals.
    k : int
        Number of studies.
    pooled : float
        The pooled effect that is adjusted.
    pet, peese : Extrapolation
        The line on standard errors, and the one on variances; ratios as natural logs.
    alpha : float
        PEESE is chosen where the two-sided P value of PET lies under it.
    chosen : str
        ``"PET"`` or ``"PEESE"``.
    how : str
        How the lines were drawn.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    level: float
    k: int
    pooled: float
    pet: Extrapolation
    peese: Extrapolation
    alpha: float
    chosen: str
    how: str
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def estimate(self) -> float:
        """Effect by the method chosen."""
        return self._of[self.chosen].estimate

    @property
    def se(self) -> float:
        """Its standard error."""
        return self._of[self.chosen].se

    @property
    def ci_low(self) -> float:
        """Lower limit of its interval."""
        return self._of[self.chosen].ci_low

    @property
    def ci_high(self) -> float:
        """Upper limit of its interval."""
        return self._of[self.chosen].ci_high

    @property
    def p(self) -> float:
        """Its two-sided P value."""
        return self._of[self.chosen].p

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        return (
            f"PET-PEESE: effects on standard errors (PET) and on variances (PEESE), {self.how}; PEESE where the "
            f"two-sided P value of PET is below {self.alpha:g}, else PET"
        )

    @property
    def _of(self) -> dict[str, Extrapolation]:
        return dict(zip(_NAMES, (self.pet, self.peese), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """One row for PET and one for PEESE, on the scale of the analysis."""
        rows = [
            {"method": name, "measure": self.measure, "k": self.k, **asdict(found)}
            for name, found in self._of.items()
        ]
        return pd.DataFrame(rows).assign(chosen=[name == self.chosen for name in _NAMES])

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        plain = {
            name: finite(getattr(self, name))
            for name in ("measure", "level", "k", "pooled", "alpha", "chosen")
        }
        for name, found in self._of.items():
            plain[name.lower()] = {part: finite(value) for part, value in asdict(found).items()}
        plain["scale"] = "log" if self.ratio else "identity"
        plain["method"] = self.method
        plain["notes"] = list(self.notes)
        plain["provenance"] = self.provenance.to_dict()
        return plain

    def sentence(self) -> str:
        """The adjusted effect as a sentence of a results section; ratios as ratios."""
        estimate, low, high, pooled = (
            number(shown(x, self.ratio)) for x in (self.estimate, self.ci_low, self.ci_high, self.pooled)
        )
        return (
            f"PET-PEESE (k = {self.k}; PET {equals_p(self.pet.p)}, hence {self.chosen}) adjusted the "
            f"{self.measure or 'effect'} from {pooled} to {estimate} ({level_text(self.level)} CI {low} to {high})."
        )

    def _card(self) -> Card:
        rows = []
        for name, found in self._of.items():
            estimate, low, high = (
                shown(x, self.ratio) for x in (found.estimate, found.ci_low, found.ci_high)
            )
            mark = f"{name} (chosen)" if name == self.chosen else name
            rows.append(
                (mark, number(estimate), interval(low, high), p_value(found.p), p_value(found.slope_p))
            )
        rows.append(("pooled, not adjusted", number(shown(self.pooled, self.ratio)), "", "", ""))
        columns = ("", self.measure or "Effect", f"{level_text(self.level)} interval", "P", "P of the slope")
        footer = (self.method, self.provenance.line())
        return Card(f"PET-PEESE, k = {self.k}", columns, tuple(rows), self.notes, footer)


def pet_peese(fit: Pooled, *, model: str = "weighted", alpha: float = 0.10) -> PetPeese:
    """Adjust a pooled effect for small-study effects by regression on standard errors.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, three studies or more.
    model : str
        ``"weighted"``: weighted least squares as in the source. ``"mixed"``: meta-regression with the pool's
        estimator of tau2 and interval; see :func:`ketameta.robustness.egger`.
    alpha : float
        PEESE is chosen where the two-sided P value of PET's effect lies under it. 0.10 two-sided is 0.05
        one-sided in the direction of PET's effect; a note says where this is not that of the pooled effect.

    Returns
    -------
    PetPeese

    Raises
    ------
    ModelError
        For fewer than three studies, an unknown option, or standard errors that are all the same.

    Notes
    -----
    PET: yi = b0 + b1 sei; PEESE: yi = b0 + b1 vi; weights 1 / vi, and b0 is the effect adjusted. PET overcorrects
    where there is an effect, PEESE undercorrects where there is none, hence the rule (Stanley and Doucouliagos
    2014). The rule has no correction for itself: the interval is that of the line chosen. It fails with few
    studies, with much heterogeneity, and where all studies are small (Stanley 2017, Soc Psychol Personal Sci
    8:581-591).

    References
    ----------
    Stanley TD, Doucouliagos H (2014). Meta-regression approximations to reduce publication selection bias. Res
    Synth Methods 5:60-78. doi:10.1002/jrsm.1095

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import pet_peese
    >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.19, 0.02, 0.04, 0.01, 0.11])
    >>> found = pet_peese(fit)
    >>> found.chosen, round(found.estimate, 2)
    ('PET', 0.09)
    """
    pool_of(fit, "pet_peese", least=_LEAST)
    choice("model", model, MODELS)
    alpha = number_between("alpha", alpha, 0.0, 1.0)
    pet = draw_line(fit, np.sqrt(fit.vi), "the standard error", model=model)
    peese = draw_line(fit, fit.vi, "the variance", model=model)
    p = float(pet.limit.p)
    chosen = "PEESE" if p < alpha else "PET"
    return PetPeese(
        measure=fit.measure,
        level=fit.level,
        k=fit.k,
        pooled=fit.estimate,
        pet=_extrapolated(pet),
        peese=_extrapolated(peese),
        alpha=alpha,
        chosen=chosen,
        how=model_words(fit, model, "1 / vi"),
        notes=(
            *on_standard_error(fit),
            *dict.fromkeys((*pet.notes, *peese.notes)),
            *_on_choice(fit, pet, chosen),
        ),
        provenance=fit.provenance.after(("pet_peese", {"model": model, "alpha": alpha})),
    )


def _on_choice(fit: Pooled, pet: Line, chosen: str) -> tuple[str, ...]:
    """Where the rule that chooses has no P value, or would choose otherwise if one-sided."""
    if math.isnan(float(pet.limit.p)):
        return ("PET has no P value, so PET is kept",)
    if chosen == "PEESE" and float(pet.limit.estimate) * fit.estimate < 0:
        return (
            "PET lies beyond no effect, on the other side than the pooled effect: a one-sided rule in the direction "
            "of the pooled effect would keep PET",
        )
    return ()


def _extrapolated(line: Line) -> Extrapolation:
    low, high = line.limit.interval()
    return Extrapolation(
        estimate=float(line.limit.estimate),
        se=float(line.limit.se),
        ci_low=float(low),
        ci_high=float(high),
        stat=float(line.limit.stat),
        df=float(line.limit.df),
        p=float(line.limit.p),
        slope=float(line.slope.estimate),
        slope_p=float(line.slope.p),
    )
