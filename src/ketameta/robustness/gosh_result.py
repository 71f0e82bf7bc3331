"""All subsets of studies as a result: fields, table, sentence, card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number, plural
from ketameta._spelling import unknown
from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.models.result import finite, plain_rows, shown
from ketameta.provenance import Provenance
from ketameta.robustness._cautions import ENOUGH
from ketameta.robustness._membership import unpacked
from ketameta.robustness._splitting import splitter_of

__all__ = ["Gosh"]

_SHOWN = 15
_QUANTILES = (0.0, 0.025, 0.5, 0.975, 1.0)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Gosh(Shown):
    """Pooled effect and heterogeneity of many subsets of studies; n of them.

    Numbers are on the scale of the analysis: ratios as natural logs. The card and the sentence show ratios.

    Attributes
    ----------
    fit : Pooled
        The pool whose studies were taken.
    tau2_method : str
        Estimator of the between-study variance in each subset.
    all_of_them : bool
        Whether these are all subsets of two studies or more; else they are random.
    k, estimate, tau2, i2 : Array, shape (n,)
        Number of studies, pooled effect, between-study variance and I2 (percent) of each subset; NaN where the
        numbers lie too far apart to be pooled.
    estimate_all, tau2_all, i2_all : float
        The same of all studies together.
    packed : ndarray of uint8, shape (n, ceil(studies / 8))
        The subsets as bits, the first study lowest; see :meth:`members` and :meth:`holds`.
    table : DataFrame
        The subsets with and without each study; see :meth:`to_frame`.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    fit: Pooled
    tau2_method: str
    all_of_them: bool
    k: Array
    estimate: Array
    tau2: Array
    i2: Array
    estimate_all: float
    tau2_all: float
    i2_all: float
    packed: AnyArray
    table: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def n_subsets(self) -> int:
        """Number of subsets."""
        return int(self.k.size)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the studies."""
        return tuple(self.table["label"])

    @property
    def splitting(self) -> tuple[int, str] | None:
        """Position of the study that splits the subsets, and by which share: ``"share"`` or ``"share_i2"``."""
        return splitter_of(self.table)

    @property
    def splitter(self) -> str:
        """Label of the study that splits the subsets, or an empty string."""
        return "" if self.splitting is None else self.labels[self.splitting[0]]

    @property
    def same_side(self) -> float:
        """Share of the subsets whose estimate lies on the side of 0 on which that of all studies lies.

        Missing where that lies at 0, or no subset could be fitted.
        """
        good = self.estimate[np.isfinite(self.estimate)]
        if not good.size or self.estimate_all == 0:
            return np.nan
        return float(np.mean(np.sign(good) == np.sign(self.estimate_all)))

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        model = "common-effect model" if self.tau2_method == "EE" else f"tau2 by {self.tau2_method}"
        return f"GOSH: {self._which().rstrip(',')}, {model} in each"

    def _which(self) -> str:
        """Which subsets these are, in words."""
        studies = plural(self.fit.k, "study", "studies")
        if not self.all_of_them:
            return f"{self.n_subsets:,} random subsets (with replacement) of two or more of {studies}"
        return f"all subsets of two or more of {studies} ({self.n_subsets:,})"

    def members(self, subset: int) -> BoolArray:
        """Which studies one subset holds, shape (studies,).

        Parameters
        ----------
        subset : int
            Its position, 0 to ``n_subsets`` - 1.

        Raises
        ------
        ModelError
            There is no such subset.

        Examples
        --------
        >>> from ketameta.robustness import gosh
        >>> found = gosh(yi=[-0.6, -0.5, -0.9], vi=[0.05, 0.04, 0.06])
        >>> found.members(1).tolist()
        [True, False, True]
        """
        _position("subset", subset, self.n_subsets)
        found: BoolArray = unpacked(self.packed[[subset]], self.fit.k)[0]
        return found

    def holds(self, study: str | int) -> BoolArray:
        """Which subsets hold a study, shape (n,).

        Parameters
        ----------
        study : str or int
            Its label, or its position where several have the same label.

        Raises
        ------
        ModelError
            There is no such study, or more than one.

        Examples
        --------
        >>> from ketameta.robustness import gosh
        >>> found = gosh(yi=[-0.6, -0.5, -0.9], vi=[0.05, 0.04, 0.06])
        >>> found.holds("Study 1").tolist()
        [True, True, False, True]
        """
        i = self.position(study)
        found: BoolArray = np.not_equal(self.packed[:, i // 8] & (1 << i % 8), 0)
        return found

    def position(self, study: str | int) -> int:
        """Position of a study by its label; checks one that is given.

        Raises
        ------
        ModelError
            There is no such study, or more than one.
        """
        if not isinstance(study, str):
            _position("study", study, self.fit.k)
            return int(study)
        found = [i for i, label in enumerate(self.labels) if label == study]
        if not found:
            raise ModelError(unknown("study", study, self.labels))
        if len(found) > 1:
            raise ModelError(f"study={study!r} names {len(found)} rows; give one of their positions, {found}")
        return found[0]

    def to_frame(self) -> pd.DataFrame:
        """One row a study: the subsets with and without it.

        Columns ``label, n_with, estimate_with, estimate_without, difference, i2_with, i2_without, share,
        share_i2``: number of subsets with the study, mean estimate and mean I2 with and without it, and the
        share of the variance of estimates and of I2 that its membership explains.
        """
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold, without the single subsets; None for a missing number."""
        return {
            "measure": self.fit.measure,
            "tau2_method": self.tau2_method,
            "n_subsets": self.n_subsets,
            "all_of_them": self.all_of_them,
            "all_studies": {
                name: finite(getattr(self, f"{name}_all")) for name in ("estimate", "tau2", "i2")
            },
            "subsets": {name: self._spread(name) for name in ("estimate", "tau2", "i2")},
            "same_side": finite(self.same_side),
            "studies": plain_rows(self.table),
            "splitter": self.splitter,
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        name = self.fit.measure or "effect"
        low, below, _, above, high = (self._text(value) for value in self._quantiles("estimate"))
        spread = [number(value, 0) for value in self._quantiles("i2")]
        return (
            f"Over {self._which()} the pooled {name} went from {low} to {high} (middle 95%: {below} to {above}) "
            f"and I2 from {spread[0]}% to {spread[-1]}%, against {self._text(self.estimate_all)} and "
            f"{number(self.i2_all, 0)}% with all studies; {self._side()}{self._verdict()}."
        )

    def _side(self) -> str:
        """Share of the subsets on the side of the whole, where not all of them are never as all of them."""
        if np.isnan(self.same_side):
            return ""
        share = number(100 * self.same_side, 0)
        text = "over 99%" if share == "100" and self.same_side < 1 else f"{share}%"
        return f"{text} of the subsets lie on its side of no effect; "

    def _verdict(self) -> str:
        """Which study splits the subsets, in words."""
        if self.splitting is None and self.table["share"].isna().all():
            return "no study can be told from the others"
        if self.splitting is None:
            row = self.table.iloc[int(np.nanargmax(self.table["share"].to_numpy()))]
            share = f"{number(100 * row['share'], 0)}% of the variance of the estimates"
            if self.fit.k < ENOUGH:
                return f"there are too few studies to name one that splits them (most with {row['label']}: {share})"
            return f"no single study is found to split them (most with {row['label']}: {share})"
        at, column = self.splitting
        row = self.table.iloc[at]
        if column == "share":
            what, means = (
                "the estimates",
                [self._text(row[f"estimate_{part}"]) for part in ("with", "without")],
            )
        else:
            what, means = "I2", [f"{number(row[f'i2_{part}'], 0)}%" for part in ("with", "without")]
        share = f"{number(100 * row[column], 0)}% of the variance"
        return f"{row['label']} splits {what} (mean {means[0]} with it, {means[1]} without; {share})"

    def _quantiles(self, name: str) -> list[float]:
        """Smallest, 2.5%, median, 97.5% and largest value over the subsets that could be fitted."""
        values = getattr(self, name)
        good = values[np.isfinite(values)]
        found: list[float] = np.quantile(good, _QUANTILES).tolist() if good.size else [np.nan] * 5
        return found

    def _spread(self, name: str) -> dict[str, Any]:
        names = ("min", "q2_5", "median", "q97_5", "max")
        return dict(zip(names, map(finite, self._quantiles(name)), strict=True))

    def _text(self, value: float) -> str:
        return number(shown(float(value), self.fit.ratio))

    def _card(self) -> Card:
        ratio, values, spread = self.fit.ratio, self._quantiles("estimate"), self._quantiles("i2")
        order = np.argsort(-self.table["share"].fillna(-1.0).to_numpy(), kind="stable")[:_SHOWN]
        rows = tuple(
            (
                row["label"],
                *(self._text(row[f"estimate_{part}"]) for part in ("with", "without")),
                *(number(row[f"i2_{part}"], 0) for part in ("with", "without")),
                number(100 * row["share"], 0),
                number(100 * row["share_i2"], 0),
            )
            for _, row in self.table.iloc[order].iterrows()
        )
        columns = ("", "Mean with", "Mean without", "I2 with", "I2 without", "% of variance", "of I2")
        middle = interval(shown(values[1], ratio), shown(values[3], ratio))
        footer = [
            f"Median {self._text(values[2])}, middle 95% {middle}; I2 {number(spread[2], 0)}%, "
            f"{interval(spread[1], spread[3], 0)}; all studies {self._text(self.estimate_all)}, "
            f"{number(self.i2_all, 0)}%",
            "% of variance: of the estimates, and of I2, explained by whether the study is in the subset"
            + (f"; the {_SHOWN} largest of {len(self.table)} studies" if len(self.table) > _SHOWN else ""),
            self.method,
        ]
        if ratio:
            footer.append(f"{self.fit.measure} shown as ratio; the fields hold its natural log")
        verdict = f"split by {self.splitter}" if self.splitter else "no study is named as splitting them"
        title = f"{self.n_subsets:,} subsets of {plural(self.fit.k, 'study', 'studies')}: {verdict}"
        return Card(title, columns, rows, self.notes, (*footer, self.provenance.line()))


def _position(name: str, value: Any, count: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < count:
        raise ModelError(f"{name}={value!r} must be a whole number from 0 to {count - 1:,}")
