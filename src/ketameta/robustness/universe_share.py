"""Parts of a multiverse: universes beyond a value, and universes that are impossible."""

from __future__ import annotations

from dataclasses import dataclass

from ketameta._render import Card, Shown, number
from ketameta.models.result import level_text, shown

__all__ = ["FailedUniverses", "UniverseShare", "counted", "percent"]


@dataclass(frozen=True, slots=True)
class FailedUniverses:
    """Universes that are impossible for one reason.

    Attributes
    ----------
    reason : str
        Why.
    count : int
        How many.
    example : dict of str to str
        The choices of the first of them, in words.
    """

    reason: str
    count: int
    example: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UniverseShare(Shown):
    """Share of the possible universes in which an effect lies beyond a value; not a probability.

    Attributes
    ----------
    side : str
        ``"below"`` or ``"above"``.
    value : float
        On the scale of the analysis.
    estimate, ci : float
        Share of universes whose estimate, and whose whole interval, lies beyond the value.
    estimate_distinct, ci_distinct : float
        The same over distinct analyses, each counted once however many universes lead to it.
    n, n_distinct : int
        Universes and distinct analyses.
    ratio : bool
        Whether the value is the log of a ratio.
    level : float
        Level of the intervals.
    """

    side: str
    value: float
    estimate: float
    ci: float
    estimate_distinct: float
    ci_distinct: float
    n: int
    n_distinct: int
    ratio: bool
    level: float

    def sentence(self) -> str:
        """The shares as a sentence."""
        value = number(shown(self.value, self.ratio))
        return (
            f"Of {counted(self.n, 'universe')} {percent(self.estimate)} had an estimate {self.side} {value}, and "
            f"{percent(self.ci)} a {level_text(self.level)} CI that lay wholly {self.side} it."
        )

    def _card(self) -> Card:
        rows = (
            ("estimate", percent(self.estimate), percent(self.estimate_distinct)),
            (f"{level_text(self.level)} CI", percent(self.ci), percent(self.ci_distinct)),
        )
        distinct = counted(self.n_distinct, "distinct analysis", "distinct analyses")
        columns = ("", f"of {counted(self.n, 'universe')}", f"of {distinct}")
        value = number(shown(self.value, self.ratio))
        return Card(f"Share {self.side} {value}", columns, rows, ("a share, not a probability",))


def counted(count: int, one: str, many: str = "") -> str:
    """A number, its thousands apart, and its noun.

    Examples
    --------
    >>> from ketameta.robustness.universe_share import counted
    >>> counted(1, "universe"), counted(1_200, "universe")
    ('1 universe', '1,200 universes')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share in per cent; 100% only where it is all of them, and 0% only where it is none.

    Examples
    --------
    >>> from ketameta.robustness.universe_share import percent
    >>> percent(0.734), percent(1.0), percent(0.9999), percent(0.5)
    ('73.4%', '100%', '>99.9%', '50%')
    """
    if 0 < share < 0.001 or 0.999 < share < 1:
        return "<0.1%" if share < 0.5 else ">99.9%"
    return f"{100 * share:.1f}%".replace(".0%", "%")
