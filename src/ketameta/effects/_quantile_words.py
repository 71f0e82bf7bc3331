"""Formulas by which quantiles become means and SDs, as text for the rows that use them."""

from __future__ import annotations

from collections.abc import Callable

from ketameta.effects._sheet import Sheet

__all__ = ["iqr_words", "mean_words", "range_words", "sd_words"]


def range_words(arm: str) -> str:
    """SD from the extremes."""
    return f"(max_{arm} - min_{arm}) / (2 * z((n - 0.375) / (n + 0.25)))"


def iqr_words(arm: str) -> str:
    """SD from the quartiles."""
    return f"(q3_{arm} - q1_{arm}) / (2 * z((0.75 * n - 0.125) / (n + 0.25)))"


def sd_words(sheet: Sheet, arm: str, method: str) -> Callable[[int], str]:
    """How the SD of an arm comes from its quantiles, by row."""
    extremes, quartiles = _scenarios(sheet, arm)

    def words(row: int) -> str:
        if method == "Box-Cox":
            return f"sd_{arm} from the quantiles by a Box-Cox transformation (McGrath et al. 2020)"
        if extremes[row] and quartiles[row]:
            return (
                f"sd_{arm} = w * {range_words(arm)} + (1 - w) * {iqr_words(arm)}, w = 1 / (1 + 0.07 * n^0.6) "
                "(Shi et al. 2020)"
            )
        only = iqr_words(arm) if quartiles[row] else range_words(arm)
        return f"sd_{arm} = {only} (Wan et al. 2014)"

    return words


def mean_words(sheet: Sheet, arm: str, method: str) -> Callable[[int], str]:
    """How the mean of an arm comes from its quantiles, by row."""
    extremes, quartiles = _scenarios(sheet, arm)
    middle, ends, median = f"(q1_{arm} + q3_{arm}) / 2", f"(min_{arm} + max_{arm}) / 2", f"median_{arm}"

    def words(row: int) -> str:
        if method == "Box-Cox":
            return f"mean_{arm} from the quantiles by a Box-Cox transformation (McGrath et al. 2020)"
        if extremes[row] and quartiles[row]:
            formula = f"w * {ends} + u * {middle} + (1 - w - u) * {median}, w = 2.2 / (2.2 + n^0.75), u = 0.7 - 0.72 / n^0.55"
        elif quartiles[row]:
            formula = f"w * {middle} + (1 - w) * {median}, w = 0.7 + 0.39 / n"
        else:
            formula = f"w * {ends} + (1 - w) * {median}, w = 4 / (4 + n^0.75)"
        return f"mean_{arm} = {formula} (Luo et al. 2018)"

    return words


def _scenarios(sheet: Sheet, arm: str) -> tuple[list[bool], list[bool]]:
    extremes = sheet.given(f"min_{arm}", f"max_{arm}")
    quartiles = sheet.given(f"q1_{arm}", f"q3_{arm}")
    return extremes.tolist(), quartiles.tolist()
