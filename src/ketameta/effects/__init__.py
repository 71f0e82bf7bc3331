"""Effect sizes: what trials reported -> yi, vi."""

from __future__ import annotations

from ketameta.effects._mean_sd import MeanSd
from ketameta.effects._result import EffectSize
from ketameta.effects.baseline import attach_baseline
from ketameta.effects.binary import arcsine, log_or, log_rr, peto, rd
from ketameta.effects.changes import correlation_from_sds, sd_change
from ketameta.effects.combining import combine_arms, combine_contrasts
from ketameta.effects.continuous import glass, md, rom, smd, smd_stated, smdh
from ketameta.effects.correlation import change_correlation, time_correlation
from ketameta.effects.covariance import SamplingCovariance, covariance
from ketameta.effects.crossover import carry_over, to_between_persons
from ketameta.effects.dependence import (
    counts_covariance,
    md_covariance,
    smd_common_sd_covariance,
    smd_covariance,
)
from ketameta.effects.options import EffectOptions
from ketameta.effects.paired import paired_md, paired_smd, smcc, smcr, smcrp, smcrph
from ketameta.effects.percentages import events_from_percent
from ketameta.effects.quantiles import mean_sd_from_quantiles, sd_from_iqr, sd_from_range
from ketameta.effects.recovery import sd_from_ci, sd_from_f, sd_from_p, sd_from_se, sd_from_t
from ketameta.effects.statistics import (
    from_ci,
    se_from_ci,
    se_from_p,
    se_from_t,
    smd_from_f,
    smd_from_p,
    smd_from_t,
)
from ketameta.effects.table import effect_sizes

__all__ = [
    "EffectOptions",
    "EffectSize",
    "MeanSd",
    "SamplingCovariance",
    "arcsine",
    "attach_baseline",
    "carry_over",
    "change_correlation",
    "combine_arms",
    "combine_contrasts",
    "correlation_from_sds",
    "counts_covariance",
    "covariance",
    "effect_sizes",
    "events_from_percent",
    "from_ci",
    "glass",
    "log_or",
    "log_rr",
    "md",
    "md_covariance",
    "mean_sd_from_quantiles",
    "paired_md",
    "paired_smd",
    "peto",
    "rd",
    "rom",
    "sd_change",
    "sd_from_ci",
    "sd_from_f",
    "sd_from_iqr",
    "sd_from_p",
    "sd_from_range",
    "sd_from_se",
    "sd_from_t",
    "se_from_ci",
    "se_from_p",
    "se_from_t",
    "smcc",
    "smcr",
    "smcrp",
    "smcrph",
    "smd",
    "smd_common_sd_covariance",
    "smd_covariance",
    "smd_from_f",
    "smd_from_p",
    "smd_from_t",
    "smd_stated",
    "smdh",
    "time_correlation",
    "to_between_persons",
]


def __dir__() -> list[str]:
    return sorted(__all__)
