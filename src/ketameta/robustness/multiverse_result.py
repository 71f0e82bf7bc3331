"""A multiverse as a result: universes, shares, what each choice does, and the published results beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number, plural
from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.errors import ModelError
from ketameta.evidence import load_published
from ketameta.models.result import RATIO_MEASURES, finite, level_text, plain_rows, shown
from ketameta.provenance import Provenance
from ketameta.robustness._universe_fits import NUMBERS, REASONS
from ketameta.robustness._universe_options import label
from ketameta.robustness._universe_published import nearest_universes
from ketameta.robustness._universe_variance import choice_shares
from ketameta.robustness.universe_share import FailedUniverses, UniverseShare, counted, percent

__all__ = ["FailedUniverses", "Multiverse"]

_QUANTILES = (0.0, 0.025, 0.25, 0.5, 0.75, 0.975, 1.0)
_LISTED = 4


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Multiverse(Shown):
    """One question under every combination of choices; N universes, the last choice changing fastest.

    Numbers are on the scale of the analysis, ratios as logs; NaN in universes that are impossible. Universe 0 takes
    the first option of every choice: it is the reference, the main analysis.

    Attributes
    ----------
    options : dict of str to tuple
        Options of every choice; one where all universes agree.
    names : tuple of str
        Choices in which universes differ, or that were named as choices.
    measure : str
        Effect measure.
    level : float
        Level of the intervals.
    mid : float
        Minimal important difference; NaN where none is known.
    mid_source : str
        Where it comes from.
    estimate, se, ci_low, ci_high, p, tau2, i2, k, n : Array, shape (N,)
        Pool of each universe; ``k`` trials, ``n`` participants (NaN where the size of a trial is unknown).
    sample : AnyArray, shape (N,)
        Number of the distinct set of effects of each universe, -1 where it is impossible.
    reason : AnyArray, shape (N,)
        0 where a universe is possible.
    failed : tuple of FailedUniverses
        How many universes are impossible, and why.
    idle : tuple of str
        Choices whose options all lead to the same numbers, whatever the others: they only multiply universes.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    options: dict[str, tuple[Any, ...]]
    names: tuple[str, ...]
    measure: str
    level: float
    mid: float
    mid_source: str
    estimate: Array
    se: Array
    ci_low: Array
    ci_high: Array
    p: Array
    tau2: Array
    i2: Array
    k: Array
    n: Array
    sample: AnyArray
    reason: AnyArray
    failed: tuple[FailedUniverses, ...]
    idle: tuple[str, ...]
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure in RATIO_MEASURES

    @property
    def n_universes(self) -> int:
        """Combinations of choices."""
        return int(self.reason.size)

    @property
    def possible(self) -> BoolArray:
        """Which universes have a pool, shape (N,)."""
        return np.asarray(self.reason == 0, dtype=np.bool_)

    @property
    def n_possible(self) -> int:
        """Universes with a pool."""
        return int(self.possible.sum())

    @property
    def n_distinct(self) -> int:
        """Different sets of effects among them."""
        return int(np.unique(self.sample[self.possible]).size)

    @property
    def n_analyses(self) -> int:
        """Different analyses among them: a set of effects, an estimator and an interval."""
        return int(self._first_of_each.size)

    @property
    def codes(self) -> AnyArray:
        """Option of each universe in each of ``names``, as a position, shape (N, choices)."""
        every = np.arange(self.n_universes, dtype=np.int32)
        result = np.empty((len(self.names), every.size), dtype=np.int32)
        apart = every.size
        for name, values in self.options.items():
            apart //= len(values)
            if name in self.names:
                result[self.names.index(name)] = every // apart % len(values)
        return result.T

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Options of each of ``names`` in words."""
        return {name: tuple(label(name, value) for value in self.options[name]) for name in self.names}

    @property
    def _first_of_each(self) -> AnyArray:
        """The first universe of each distinct analysis: one set of effects, one estimator, one interval."""
        models = len(self.options["tau2"]) * len(self.options["ci"])
        here = np.flatnonzero(self.possible)
        analysis = self.sample[here] * models + here % models
        return np.asarray(here[np.unique(analysis, return_index=True)[1]])

    @property
    def impossible(self) -> pd.DataFrame:
        """``reason, count`` and the choices of an example, one row a reason."""
        columns = ["reason", "count", *map(_column, self.names)]
        rows = [
            {
                "reason": each.reason,
                "count": each.count,
                **{_column(name): text for name, text in each.example.items()},
            }
            for each in self.failed
        ]
        return pd.DataFrame(rows, columns=columns)

    def share(self, *, below: float | None = None, above: float | None = None) -> UniverseShare:
        """Share of universes with an effect beyond a value, by the estimate and by the whole interval.

        Parameters
        ----------
        below, above : float
            One of them, on the scale of the analysis (ratios as logs): 0, or a minimal important difference.

        Returns
        -------
        UniverseShare
            A description of the list of universes; not a probability that the effect is there.

        Raises
        ------
        ModelError
            When both or neither are given, or the value is not a finite number.
        """
        if (below is None) == (above is None):
            raise ModelError("give either below or above, such as below=-0.24")
        side, given = ("below", below) if below is not None else ("above", above)
        if (
            isinstance(given, bool)
            or not isinstance(given, int | float | np.number)
            or not math.isfinite(given)
        ):
            raise ModelError(f"{side}={given!r} must be a finite number")
        value = float(given)
        bound = self.ci_high if side == "below" else self.ci_low
        sign = 1.0 if side == "below" else -1.0
        rows, firsts = np.flatnonzero(self.possible), self._first_of_each

        def beyond(values: Array, here: AnyArray) -> float:
            return float((sign * values[here] < sign * value).mean())

        return UniverseShare(
            side,
            value,
            beyond(self.estimate, rows),
            beyond(bound, rows),
            beyond(self.estimate, firsts),
            beyond(bound, firsts),
            int(rows.size),
            int(firsts.size),
            self.ratio,
            self.level,
        )

    def quantiles(self) -> dict[float, float]:
        """Quantiles of the estimates of the possible universes; 0 and 1 are the smallest and the largest."""
        values = np.quantile(self.estimate[self.possible], _QUANTILES)
        return dict(zip(_QUANTILES, values.tolist(), strict=True))

    def importance(self) -> pd.DataFrame:
        """How much of the spread of the estimates each choice makes.

        Returns
        -------
        DataFrame
            ``choice, options, alone, given_others, lowest, highest``, the most important first: the share of the sum
            of squares between its options (eta squared, first-order Sobol index), what it adds to the additive model
            of the others (type II), and the lowest and highest mean estimate of an option. A last row, ``interactions``,
            has what no additive model explains. Shares do not add up to 1 where impossible universes leave the design
            unbalanced.
        """
        here = self.possible
        values, codes = self.estimate[here], self.codes[here]
        labels = self.labels
        sizes = [len(labels[name]) for name in self.names]
        alone, others, together = choice_shares(values, codes, sizes)
        rows = []
        for place, name in enumerate(self.names):
            counts = np.bincount(codes[:, place], minlength=sizes[place])
            sums = np.bincount(codes[:, place], weights=values, minlength=sizes[place])
            means = sums[counts > 0] / counts[counts > 0]
            rows.append(
                (name, sizes[place], alone[place], others[place], float(means.min()), float(means.max()))
            )
        rows.sort(key=lambda row: row[2], reverse=True)
        rows.append(("interactions", 0, 1 - together, 1 - together, math.nan, math.nan))
        return pd.DataFrame(rows, columns=["choice", "options", "alone", "given_others", "lowest", "highest"])

    def nearest(self, published: pd.DataFrame | None = None) -> pd.DataFrame:
        """Published pooled results, each beside the universe that comes nearest to it.

        Parameters
        ----------
        published : DataFrame, optional
            In the form of :func:`ketameta.evidence.load_published`, which is the default.

        Returns
        -------
        DataFrame
            One row a published result with an interval in the measure, outcome, indication and time of this
            multiverse, the nearest first: what was printed, ``matched`` (choices that its words tell and that were
            matched: time, drug, comparator, dosing), how many universes are such ``candidates``, and ``universe``,
            the one of these with the least ``distance``, with its numbers and choices.

        Notes
        -----
        The distance is the root mean square of the differences of estimate, lower and upper bound, on the scale of
        the analysis. That a universe comes near says how a result may have come about, not that it did.
        """
        table = load_published() if published is None else published
        found = {name: getattr(self, name) for name in ("estimate", "ci_low", "ci_high", "k")}
        result = nearest_universes(table, self.options, self.codes, self.names, found)
        result = result.sort_values("distance", kind="stable", ignore_index=True)
        chosen = self.codes[result["universe"].to_numpy(dtype=np.intp)]
        for place, (name, labels) in enumerate(self.labels.items()):
            result[_column(name)] = [labels[code] for code in chosen[:, place]]
        return result

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        sizes = " x ".join(f"{name} {len(self.options[name])}" for name in self.names)
        return f"Multiverse of {counted(self.n_universes, 'universe')}: {sizes}; {level_text(self.level)} intervals"

    def to_frame(self) -> pd.DataFrame:
        """One row a universe: its choices, its pool, ``distinct`` (its set of effects) and ``reason``.

        The choices ``tau2`` and ``ci`` are the columns ``tau2_method`` and ``ci_method``.
        """
        codes = self.codes
        columns: dict[str, Any] = {
            _column(name): pd.Categorical.from_codes(codes[:, place], categories=pd.Index(labels))
            for place, (name, labels) in enumerate(self.labels.items())
        }
        columns |= {name: getattr(self, name) for name in ("k", "n", *NUMBERS)}
        columns["distinct"] = self.sample
        columns["reason"] = pd.Categorical.from_codes(self.reason, categories=pd.Index(REASONS))
        return pd.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold, without the single universes; None stands for a missing number."""
        side = self._side()
        shares = [self.share(**{side: value}) for value in self._values()]
        return {
            "measure": self.measure,
            "level": self.level,
            "choices": {name: list(labels) for name, labels in self.labels.items()},
            "n_universes": self.n_universes,
            "n_possible": self.n_possible,
            "n_distinct": self.n_distinct,
            "n_analyses": self.n_analyses,
            "idle": list(self.idle),
            "quantiles": {str(share): finite(value) for share, value in self.quantiles().items()},
            "mid": finite(self.mid),
            "mid_source": self.mid_source,
            "shares": [
                {
                    "side": each.side,
                    "value": each.value,
                    "estimate": each.estimate,
                    "ci": each.ci,
                    "estimate_distinct": each.estimate_distinct,
                    "ci_distinct": each.ci_distinct,
                }
                for each in shares
            ],
            "reference": {name: finite(float(getattr(self, name)[0])) for name in ("k", "n", *NUMBERS)},
            "importance": plain_rows(self.importance()),
            "impossible": [
                {"reason": each.reason, "count": each.count, "example": dict(each.example)}
                for each in self.failed
            ],
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def _distinct(self) -> str:
        """Analyses and sets of effects that differ, in words."""
        return (
            f"{counted(self.n_analyses, 'distinct analysis', 'distinct analyses')} of "
            f"{counted(self.n_distinct, 'set')} of effects"
        )

    def _side(self) -> str:
        """The side of 0 on which most estimates lie."""
        return "below" if float(np.median(self.estimate[self.possible])) < 0 else "above"

    def _values(self) -> list[float]:
        """0, and the minimal important difference where it lies on the same side."""
        wanted = not math.isnan(self.mid) and (self.mid < 0) == (self._side() == "below")
        return [0.0, self.mid] if wanted else [0.0]

    def _text(self, value: float) -> str:
        if value == 0:
            return "1" if self.ratio else "0"
        return number(shown(value, self.ratio))

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        side, spread = self._side(), self.quantiles()
        first = self.share(**{side: 0.0})
        zero, level = self._text(0), level_text(self.level)
        distinct = (
            "" if first.n == first.n_distinct else f" ({percent(first.ci_distinct)} of the distinct analyses)"
        )
        parts = [
            f"Over {counted(first.n, 'universe')} ({self._distinct()}) the median pooled {self.measure} was {self._text(spread[0.5])} (range {self._text(spread[0.0])} to {self._text(spread[1.0])}); "
            f"{percent(first.estimate)} of the estimates were {side} {zero}, {percent(first.ci)} with a {level} CI "
            f"that excluded it{distinct}"
        ]
        for value in self._values()[1:]:
            share = self.share(**{side: value})
            parts.append(f"{percent(share.estimate)} were beyond {self._text(value)}")
        return f"{', and '.join(parts)}."

    def _card(self) -> Card:
        side, spread = self._side(), self.quantiles()

        def between(low: float, high: float) -> str:
            return interval(shown(spread[low], self.ratio), shown(spread[high], self.ratio))

        rows = [
            ("median of the universes", self._text(spread[0.5]), between(0.25, 0.75), "quartiles"),
            ("range of the universes", "", between(0.0, 1.0), ""),
        ]
        if self.possible[0]:
            pair = interval(shown(self.ci_low[0], self.ratio), shown(self.ci_high[0], self.ratio))
            rows.append(
                (
                    "main analysis",
                    self._text(self.estimate[0]),
                    pair,
                    plural(int(self.k[0]), "study", "studies"),
                )
            )
        else:
            rows.append(("main analysis", "", "", REASONS[int(self.reason[0])]))
        for value in self._values():
            share = self.share(**{side: value})
            words = f"CI wholly {side}: {percent(share.ci)}"
            rows.append((f"estimates {side} {self._text(value)}", percent(share.estimate), "", words))
        moved = self.importance()
        for row in moved.loc[moved["alone"] > 0].head(_LISTED).to_dict(orient="records"):
            if row["choice"] != "interactions":
                low, high = self._text(row["lowest"]), self._text(row["highest"])
                rows.append(
                    (f"spread by {row['choice']}", percent(row["alone"]), "", f"means {low} to {high}")
                )
        title = (
            f"Multiverse of {counted(self.n_universes, 'universe')}: {self.n_possible:,} possible, "
            f"{self._distinct()}"
        )
        notes = [*self.notes]
        notes += [f"{each.count:,} impossible: {each.reason}" for each in self.failed]
        if self.failed and moved["alone"].iloc[:-1].sum() > 1:
            notes.append("spreads by choice overlap, as impossible universes leave the choices unbalanced")
        if not math.isnan(self.mid):
            away = (
                "" if len(self._values()) > 1 else "; most estimates lie on the other side of no difference"
            )
            notes.append(f"minimal important difference {self._text(self.mid)}: {self.mid_source}{away}")
        columns = ("", self.measure, "Interval", "")
        return Card(title, columns, tuple(rows), tuple(notes), (self.method, self.provenance.line()))


def _column(name: str) -> str:
    """Column of a choice, told apart from the numbers of a pool."""
    return f"{name}_method" if name in ("tau2", "ci") else name
