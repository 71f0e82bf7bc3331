"""Standard deviation of each arm: printed, recovered, or borrowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects._crossovers import paired_rows
from ketameta.effects._intervals import levels, within_interval
from ketameta.effects._lending import Lenders
from ketameta.effects._quantile_words import iqr_words, mean_words, range_words, sd_words
from ketameta.effects._sheet import Sheet, blank
from ketameta.effects._significance import (
    STATISTIC,
    P,
    adjusted_rows,
    exact_p,
    note_rounded_p,
    printed_df,
    t_statistic,
    unadjusted,
)
from ketameta.effects.changes import sd_change
from ketameta.effects.options import EffectOptions
from ketameta.effects.quantiles import mean_sd_from_quantiles, sd_from_iqr, sd_from_range
from ketameta.effects.recovery import sd_from_ci, sd_from_p, sd_from_se, sd_from_t

__all__ = ["ARMS", "QUANTILE_COLUMNS", "ArmSpread"]

ARMS = ("t", "c")
_DIRECT = ("sd", "se", "ci")
_PRINTED = (*_DIRECT, "quantiles", "test")
_FAR_DF = 0.2
_QUANTILES = {"low": "min", "q1": "q1", "median": "median", "q3": "q3", "high": "max"}
QUANTILE_COLUMNS = tuple(_QUANTILES.values())
"""Columns of a five-number summary, to which the arm is appended, as in ``q1_t``."""


def _has_quantiles(sheet: Sheet, arm: str) -> BoolArray:
    """Rows that print the quartiles of an arm, or its smallest and largest value."""
    return sheet.given(f"q1_{arm}", f"q3_{arm}") | sheet.given(f"min_{arm}", f"max_{arm}")


class ArmSpread:
    """Where the SD of each arm comes from, row by row, and its value on request.

    The first of these that a row has is taken: the SD; the SE; the confidence interval of the mean;
    quartiles or extremes; the t, F or exact P value of an unadjusted test of the two means; the SDs at
    baseline and end with a correlation, for changes; a borrowed SD.
    """

    def __init__(self, sheet: Sheet, options: EffectOptions) -> None:
        self._sheet, self._options = sheet, options
        self._lenders = Lenders.of(sheet, options)
        self._source = {arm: self._sources(arm) for arm in ARMS}
        alone = (self._source["t"] == "test") != (self._source["c"] == "test")
        for arm in ARMS:
            self._source[arm][alone & (self._source[arm] == "test")] = ""

    def known(self) -> BoolArray:
        """Rows in which the SD of both arms can be had."""
        return np.asarray((self._source["t"] != "") & (self._source["c"] != ""), dtype=np.bool_)

    def printed(self) -> BoolArray:
        """Rows in which it can be had from what is printed of the arm itself."""
        t, c = (np.isin(self._source[arm].astype(str), _PRINTED) for arm in ARMS)
        return np.asarray(t & c, dtype=np.bool_)

    def direct(self) -> BoolArray:
        """Rows in which both arms have an SD, an SE or an interval."""
        t, c = (np.isin(self._source[arm].astype(str), _DIRECT) for arm in ARMS)
        return np.asarray(t & c, dtype=np.bool_)

    def means(self) -> BoolArray:
        """Rows in which the mean of both arms can be had."""
        sheet, there = self._sheet, np.ones(len(self._sheet), dtype=np.bool_)
        convert = self._options.quantiles != "refuse"
        for arm in ARMS:
            median = sheet.given(f"median_{arm}") & _has_quantiles(sheet, arm) & convert
            there &= sheet.given(f"mean_{arm}") | median
        return there

    def keep(self, rows: BoolArray) -> None:
        """Keep the SDs of both arms, of rows whose sizes are known to be usable."""
        for arm in ARMS:
            found = self._source[arm]
            self._sheet.refuse(rows & (found == ""), self._why_none(arm))
            takers: dict[str, Callable[[str, BoolArray], None]] = {
                "sd": self._printed_sd,
                "se": self._from_se,
                "ci": self._from_ci,
                "quantiles": self._from_quantiles,
                "test": self._from_test,
                "change": self._from_change,
                "borrowed": self._borrowed,
            }
            for source, take in takers.items():
                chosen = rows & self._sheet.alive & (found == source)
                if chosen.any():
                    take(arm, chosen)

    def keep_means(self, rows: BoolArray) -> None:
        """Keep the mean of both arms; a missing one comes from the median with quartiles or extremes."""
        for arm in ARMS:
            mean = f"mean_{arm}"
            median = self._sheet.given(f"median_{arm}") & _has_quantiles(self._sheet, arm)
            from_median = rows & ~self._sheet.given(mean) & median
            if self._options.quantiles == "refuse":
                self._sheet.refuse(
                    from_median, f'{mean} is missing, and quantiles="refuse" leaves its median'
                )
            lone = self._sheet.given(f"median_{arm}") & ~self._sheet.given(mean) & ~from_median
            self._sheet.refuse(
                rows & lone, f"{mean} is missing, and median_{arm} gives it only with quartiles or extremes"
            )
            self._sheet.require(rows & ~from_median, [mean])
            self._sheet.keep(mean, rows & ~from_median & self._sheet.alive, self._sheet.number(mean))
            chosen = from_median & self._sheet.alive
            self._convert(arm, chosen, {"mean": mean})
            self._sheet.flag(
                chosen & self._sheet.alive, mean_words(self._sheet, arm, self._options.quantiles)
            )

    def _sources(self, arm: str) -> AnyArray:
        sheet = self._sheet
        source = blank(len(sheet))
        change = np.asarray(sheet.text("score_type") == "change", dtype=np.bool_)
        with_r = self._own_r() | (self._options.r_change is not None)
        candidates = (
            ("sd", sheet.given(f"sd_{arm}")),
            ("se", sheet.given(f"se_{arm}")),
            ("ci", sheet.given(f"ci_low_{arm}", f"ci_high_{arm}")),
            ("quantiles", _has_quantiles(sheet, arm) & (self._options.quantiles != "refuse")),
            ("test", self._tested()),
            ("change", change & with_r & sheet.given(f"baseline_sd_{arm}", f"endpoint_sd_{arm}")),
        )
        for name, there in candidates:
            source[there & (source == "")] = name
        if self._lenders is not None:
            for row in np.flatnonzero(source == ""):
                if self._lenders.find(int(row), arm) is not None:
                    source[row] = "borrowed"
        return source

    def _why_none(self, arm: str) -> Callable[[int], str]:
        sheet, options = self._sheet, self._options
        t, p, stated = t_statistic(sheet), exact_p(sheet), unadjusted(sheet)
        far = np.abs(printed_df(sheet) - self._df()) > _FAR_DF * self._df()
        both = sheet.given(f"baseline_sd_{arm}", f"endpoint_sd_{arm}")

        def why(row: int) -> str:
            said = [f"sd_{arm} is missing, with no se_{arm} or CI to give it"]
            if np.isnan(t[row]) and sheet.text(STATISTIC)[row]:
                said.append(f"{sheet.show(STATISTIC, row)} is no t or F(1, df) alone")
            elif far[row]:
                said.append(
                    f"{sheet.show(STATISTIC, row)}: its df are not n_t + n_c - 2 = {self._df()[row]:g}"
                )
            if np.isnan(p[row]) and sheet.text(P)[row]:
                said.append(f"{sheet.show(P, row)} is not an exact P value")
            if not (np.isnan(t[row]) and np.isnan(p[row])) and not stated[row]:
                said.append("a test gives it only where adjusted = false is stated")
            if both[row]:
                said.append(
                    "SDs at baseline and end need score_type = change and a correlation (or r_change)"
                )
            if options.borrow_sd != "no":
                said.append("no SD to borrow")
            return "; ".join(said)

        return why

    def _own_r(self) -> BoolArray:
        """Rows whose ``correlation`` is that of baseline and end; in a pair it is that of the two conditions."""
        return np.asarray(self._sheet.given("correlation") & ~paired_rows(self._sheet), dtype=np.bool_)

    def _printed_sd(self, arm: str, rows: BoolArray) -> None:
        self._sheet.require(rows, [f"sd_{arm}"], "sd")
        self._sheet.keep(f"sd_{arm}", rows & self._sheet.alive, self._sheet.number(f"sd_{arm}"))

    def _from_se(self, arm: str, rows: BoolArray) -> None:
        se, n = f"se_{arm}", self._sheet.number(f"n_{arm}")
        self._sheet.require(rows, [se], "se")
        error = self._sheet.number(se)
        self._sheet.attempt(rows, lambda i: {f"sd_{arm}": sd_from_se(error[i], n[i])})
        self._sheet.flag(rows & self._sheet.alive, f"sd_{arm} = {se} * sqrt(n_{arm})")
        self._sheet.note(
            rows & self._sheet.alive & adjusted_rows(self._sheet),
            f"sd_{arm} comes from the SE of a mean that may be adjusted, which is then too small an SD",
        )

    def _from_ci(self, arm: str, rows: BoolArray) -> None:
        sheet = self._sheet
        low, high, n = f"ci_low_{arm}", f"ci_high_{arm}", sheet.number(f"n_{arm}")
        sheet.require(rows, [low, high])
        mean = rows & sheet.given(f"mean_{arm}")
        within_interval(sheet, mean, f"mean_{arm}", low, high)
        stated = sheet.given("ci_level")
        level = np.where(stated, levels(sheet, "ci_level"), 0.95)
        sheet.refuse(rows & np.isnan(level), lambda i: f"{sheet.show('ci_level', i)}: not a two-sided level")
        bottom, top = sheet.number(low), sheet.number(high)
        by = self._options.arm_ci
        df = f", n_{arm} - 1" if by == "t" else ""
        sheet.attempt(rows, lambda i: {f"sd_{arm}": sd_from_ci(bottom[i], top[i], n[i], level[i], by)})
        sheet.flag(
            rows & sheet.alive,
            lambda i: (
                f"sd_{arm} = sqrt(n_{arm}) * ({high} - {low}) / (2 * {by}({(1 + level[i]) / 2:.4g}{df}))"
                + ("" if stated[i] else ", CI taken as 95%")
            ),
        )

    def _from_quantiles(self, arm: str, rows: BoolArray) -> None:
        sheet = self._sheet
        with_median = rows & sheet.given(f"median_{arm}")
        self._convert(arm, with_median, {"sd": f"sd_{arm}"})
        sheet.flag(with_median & sheet.alive, sd_words(sheet, arm, self._options.quantiles))
        bare = rows & ~sheet.given(f"median_{arm}")
        quartiles = bare & sheet.given(f"q1_{arm}", f"q3_{arm}")
        n = sheet.number(f"n_{arm}")
        for chosen, names, function, words in (
            (quartiles, ("q1", "q3"), sd_from_iqr, iqr_words(arm)),
            (bare & ~quartiles, ("min", "max"), sd_from_range, range_words(arm)),
        ):
            columns = [f"{name}_{arm}" for name in names]
            sheet.require(chosen, columns)
            first, second = (sheet.number(column) for column in columns)
            sheet.attempt(
                chosen,
                lambda i, f=function, a=first, b=second: {f"sd_{arm}": f(a[i], b[i], n[i])},  # type: ignore[misc]
            )
            sheet.flag(
                chosen & sheet.alive,
                f"sd_{arm} = {words} (Wan et al. 2014; no median, so the shape is unchecked)",
            )

    def _convert(self, arm: str, rows: BoolArray, wanted: dict[str, str]) -> None:
        sheet = self._sheet
        method: Literal["Luo", "Box-Cox"] = "Box-Cox" if self._options.quantiles == "Box-Cox" else "Luo"
        names = {key: f"{column}_{arm}" for key, column in _QUANTILES.items()}
        quartiles = sheet.given(names["q1"], names["q3"])
        extremes = sheet.given(names["low"], names["high"])
        for pick, keys in (
            (rows & quartiles & extremes, ("low", "q1", "median", "q3", "high")),
            (rows & quartiles & ~extremes, ("q1", "median", "q3")),
            (rows & ~quartiles & extremes, ("low", "median", "high")),
        ):
            sheet.require(pick, [names[key] for key in keys])
            values = {key: sheet.number(names[key]) for key in keys}
            n = sheet.number(f"n_{arm}")

            def call(i: Any, values: dict[str, Array] = values, n: Array = n) -> dict[str, Array]:
                chosen = {key: column[i] for key, column in values.items()}
                found = mean_sd_from_quantiles(n[i], **chosen, method=method, check=False)
                skew = {"statistic": found.statistic, "critical": found.critical}
                return {target: getattr(found, key) for key, target in wanted.items()} | skew

            sheet.attempt(pick, call)
            if method == "Luo":
                size, limit = sheet.usable("statistic"), sheet.usable("critical")
                sheet.refuse(
                    pick & (size > limit),
                    lambda i, a=size, b=limit: (  # type: ignore[misc]
                        f"the quantiles of arm {arm} are skewed: statistic {a[i]:.3g} exceeds {b[i]:.3g} (Shi et al. "
                        "2023), so a mean and SD for normal samples do not fit; EffectOptions(quantiles='Box-Cox') "
                        "transforms them"
                    ),
                )

    def _df(self) -> Array:
        return self._sheet.number("n_t") + self._sheet.number("n_c") - 2

    def _tested(self) -> BoolArray:
        sheet = self._sheet
        tested = ~np.isnan(t_statistic(sheet)) | ~np.isnan(exact_p(sheet))
        far = np.abs(printed_df(sheet) - self._df()) > _FAR_DF * self._df()
        own = sheet.given("mean_t", "mean_c") & ~sheet.given("contrast_value") & ~far
        return np.asarray(own & tested & unadjusted(sheet) & ~paired_rows(sheet), dtype=np.bool_)

    def _from_test(self, arm: str, rows: BoolArray) -> None:
        sheet = self._sheet
        difference = sheet.number("mean_t") - sheet.number("mean_c")
        t, p = t_statistic(sheet), exact_p(sheet)
        n_t, n_c = sheet.number("n_t"), sheet.number("n_c")
        by_t = rows & ~np.isnan(t)
        sheet.attempt(by_t, lambda i: {f"sd_{arm}": sd_from_t(difference[i], t[i], n_t[i], n_c[i])})
        by_p = rows & np.isnan(t)
        sheet.attempt(by_p, lambda i: {f"sd_{arm}": sd_from_p(difference[i], p[i], n_t[i], n_c[i])})
        pooled = f"sd_{arm} = |mean_t - mean_c| / t / sqrt(1/n_t + 1/n_c), t"
        sheet.flag(by_t & sheet.alive, lambda i: f"{pooled} = {t[i]:.4g} from {STATISTIC}")
        if arm == "t":
            note_rounded_p(sheet, by_p & sheet.alive, self._df())
        sheet.flag(by_p & sheet.alive, lambda i: f"{pooled} from {P} = {p[i]:g}")

    def _from_change(self, arm: str, rows: BoolArray) -> None:
        sheet = self._sheet
        first, last = f"baseline_sd_{arm}", f"endpoint_sd_{arm}"
        own = self._own_r()
        sheet.require(rows, [first, last], "sd")
        sheet.require(rows & own, ["correlation"])
        fallback = np.nan if self._options.r_change is None else self._options.r_change
        r = np.where(own, sheet.number("correlation"), fallback)
        a, b = sheet.number(first), sheet.number(last)
        sheet.attempt(rows, lambda i: {f"sd_{arm}": sd_change(a[i], b[i], r[i])})
        sheet.flag(
            rows & sheet.alive,
            lambda i: (
                f"sd_{arm} = sqrt({first}^2 + {last}^2 - 2 r {first} {last}), r = {r[i]:g} "
                + ("of the row" if own[i] else "assumed (r_change)")
            ),
        )

    def _borrowed(self, arm: str, rows: BoolArray) -> None:
        if self._lenders is None:
            return
        for row in np.flatnonzero(rows):
            loan = self._lenders.find(int(row), arm)
            if loan is not None:
                chosen = np.zeros(len(self._sheet), dtype=np.bool_)
                chosen[row] = True
                self._sheet.keep(f"sd_{arm}", chosen, np.full(len(self._sheet), loan.sd))
                self._sheet.flag(chosen, f"sd_{arm} = {loan.sd:.4g} borrowed: {loan.words}")
