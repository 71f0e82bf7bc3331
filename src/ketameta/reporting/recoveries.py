"""What the column ``imputed`` says of rows: what was recovered or assumed, and by whose formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

__all__ = ["recoveries"]

_HANDBOOK = ("higgins2019",)

# What stands in ``imputed`` -> what was done, and its papers; ``{}`` takes the number that stands there.
_RECOVERED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (r"sd_[tc] = se_[tc] \* sqrt\(n_[tc]\)", "SDs of arms from their standard errors", _HANDBOOK),
    (
        r"sd_[tc] = sqrt\(n_[tc]\) \* \(",
        "SDs of arms from the confidence intervals of their means",
        _HANDBOOK,
    ),
    (r"CI taken as 95%", "level of the arms' intervals taken as 95% where none was stated", ()),
    (r"sd_[tc] = [^;]*Wan et al\. 2014", "SDs from quartiles or extremes", ("wan2014",)),
    (r"sd_[tc] = [^;]*Shi et al\. 2020", "SDs from quartiles and extremes", ("shi2020",)),
    (r"mean_[tc] = [^;]*Luo et al\. 2018", "means from medians with quartiles or extremes", ("luo2018",)),
    (r"McGrath et al\. 2020", "means and SDs from quantiles by a Box-Cox transformation", ("mcgrath2020",)),
    (r"/ t / sqrt.* from contrast_stat", "SDs from the statistic of a test of the two means", _HANDBOOK),
    (r"/ t / sqrt.* from contrast_p", "SDs from the exact P value of a test of the two means", _HANDBOOK),
    (
        r"baseline_sd_[tc]\^2 .*r = ([\d.-]+) assumed \(r_change\)",
        "SDs of changes from those at baseline and end, with an assumed correlation of {}",
        _HANDBOOK,
    ),
    (
        r"baseline_sd_[tc]\^2 .*of the row",
        "SDs of changes from those at baseline and end, with the printed correlation",
        _HANDBOOK,
    ),
    (r"borrowed: (?!median)", "missing SDs borrowed from the same trial at the nearest time", ()),
    (r"borrowed: median", "missing SDs replaced by the median of trials on the same scale", ()),
    (r"sd = ([\d.]+), stated for", "an SD of {} stated for the instrument as the unit", ()),
    (r"sd = se \* sqrt\(n\) / sqrt\(2", "SDs from the standard error and the printed correlation", ()),
    (r"sd = se / sqrt\(1/n_t", "SDs from the standard error of the difference", _HANDBOOK),
    (
        r"r = ([\d.-]+) assumed \(r_crossover\)",
        "a correlation of {} assumed between the periods of a crossover",
        (),
    ),
    (r"(?<!, )r = [\d.-]+ of the row", "the printed correlation between the periods of a crossover", ()),
    (
        r"r = \(sd_t\^2",
        "the correlation between the periods of a crossover from its SDs and standard error",
        (),
    ),
    (r"yi = J \* contrast_value / sd", "standardised differences from mean differences and SDs", ()),
    (
        r"^vi = 1/n_t \+ 1/n_c \+ yi",
        "variances of printed standardised differences from the sizes of the arms",
        (),
    ),
    (r"se = \((?:log )?contrast_ci", "standard errors of differences from confidence intervals", _HANDBOOK),
    (r"se = \|.*from contrast_stat", "standard errors of differences from test statistics", _HANDBOOK),
    (r"se = \|.*P = ", "standard errors of differences from exact P values", _HANDBOOK),
    (r"percentage points / 100", "printed risk differences divided by 100", ()),
    (r"the only whole number", "counts of events from percentages", ()),
    (r"mean_t - mean_c = contrast_value", "differences of means as printed", ()),
    (r"yi = log\(", "logarithms of printed ratios", ()),
)


def recoveries(rows: pd.DataFrame) -> dict[str, tuple[int, tuple[str, ...]]]:
    """What was recovered or assumed in rows: in how many of them, and the keys of the papers.

    A formula that is not known here stands for itself.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.reporting.recoveries import recoveries
    >>> recoveries(pd.DataFrame({"imputed": ["sd_t = se_t * sqrt(n_t); sd_c = se_c * sqrt(n_c)", ""]}))
    {'SDs of arms from their standard errors': (1, ('higgins2019',))}
    """
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    for cell in rows["imputed"] if "imputed" in rows.columns else ():
        if not isinstance(cell, str) or not cell:
            continue
        for words, keys in dict(_matches(cell)).items() or [(f"by {cell}", ())]:
            found[words] = (found.get(words, (0, ()))[0] + 1, keys)
    return found


def _matches(cell: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for pattern, words, keys in _RECOVERED:
        if match := re.search(pattern, cell):
            yield words.format(*match.groups()), keys
