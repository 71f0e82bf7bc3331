"""Effect sizes of a table of reported statistics: every row gives an effect or a reason."""

from __future__ import annotations

import copy
from typing import Any, Literal

import numpy as np
import pandas as pd

from ketameta._table import Table
from ketameta._typing import Measure
from ketameta.effects._checks import choice
from ketameta.effects._computing import compute
from ketameta.effects._crossovers import Crossover, guard_carry_over
from ketameta.effects._intake import input_part, require_columns, table_of, warn_of_misspelt
from ketameta.effects._merging import merged_frame, row_labels
from ketameta.effects._reader import Adjusted, Settings, read
from ketameta.effects._shared_control import (
    combine_contrast_rows,
    combine_reported_rows,
    shared_sets,
    split_controls,
)
from ketameta.effects._sheet import Sheet
from ketameta.effects._standardisers import (
    STANDARDISERS,
    Standardiser,
    name_standardisers,
    warn_of_mixture,
)
from ketameta.effects.options import EffectOptions
from ketameta.errors import EffectError
from ketameta.provenance import note

__all__ = ["effect_sizes"]

Shared = Literal["combine", "split", "keep"]

_MEASURES = ("SMD", "MD", "ROM", "OR", "RR", "RD", "AS", "PETO", "HR")


def effect_sizes(
    rows: pd.DataFrame | Any,
    *,
    measure: Measure = "SMD",
    standardiser: Standardiser = "pooled",
    shared: Shared = "combine",
    adjusted: Adjusted = "exclude",
    crossover: Crossover = "paired",
    options: EffectOptions | None = None,
) -> pd.DataFrame:
    """Effect size and variance of each row of reported statistics.

    Parameters
    ----------
    rows : DataFrame, or an object with a DataFrame ``rows``
        Reported statistics with the column names of ``trials.csv``; only the columns that the
        measure uses are needed. Ketamine is arm ``t``, the comparator arm ``c``. Columns that
        ``trials.csv`` does not have are read as well where they stand: medians, quartiles and
        extremes (``median_t``, ``q1_t``, ``q3_t``, ``min_t``, ``max_t``), percentages with an event
        (``percent_t``, text), SDs at baseline and end (``baseline_sd_t``, ``endpoint_sd_t``), each also
        with ``_c``; the level of the arms' intervals (``ci_level``); the ``correlation`` of the two
        measurements of one person that a row compares.
    measure : {"SMD", "MD", "ROM", "OR", "RR", "RD", "AS", "PETO", "HR"}
        Standardised mean difference, mean difference, ratio of means, odds ratio, risk ratio, risk
        difference (a proportion), arcsine difference, odds ratio by Peto's method, hazard ratio.
        Effects are ketamine minus comparator in the scale's own direction; ratios are logs.
    standardiser : {"pooled", "average", "control", "baseline"}
        SD in whose units an SMD is: pooled over the arms (Hedges' g), root mean square of both
        (unequal variances), the comparator's (Glass's delta), or pooled over the arms at baseline.
    shared : {"combine", "split", "keep"}
        What to do with rows that share one comparator arm (same ``comparator_arm_id``, outcome,
        instrument, definition, time, score type, analysis set and status). ``"combine"`` makes them
        one row (treatment arms pooled, or contrasts averaged by generalised least squares);
        ``"split"`` gives each an equal part of the comparator arm, which overstates the variances
        and leaves the parts correlated; ``"keep"`` leaves them, dependent as they are: see
        :func:`ketameta.effects.covariance`. Sets in which that is impossible (the one comparator arm
        has different numbers, or a size is unknown) get a reason.
    adjusted : {"exclude", "sd_from_se"}
        For an SMD from an adjusted difference without arm SDs: give the row a reason, or take
        ``SE / sqrt(1/n_t + 1/n_c)`` for the SD, which is too small.
    crossover : {"paired", "parallel", "first"}
        Rows over both periods of a crossover that are marked ``"both paired"``: analysed within persons
        with a correlation that the row gives, that two of its statistics give, or that is assumed; taken
        as parallel groups, which overstates the variance; or given a reason, first periods alone being
        wanted.
    options : EffectOptions, optional
        Variance formula, zero cells, recovery, borrowing and correlations.

    Returns
    -------
    DataFrame
        The input rows with ``attrs`` and the columns ``label``, ``measure``, ``yi``, ``vi``,
        ``sei``; ``standardiser`` (the SD in whose units an SMD is); ``imputed`` (formulas of what was
        recovered); ``reason`` (why ``yi`` is missing, empty otherwise); ``shared``; ``effect_notes``.
        Rows are never dropped, except that ``shared="combine"`` writes one row for several, with their
        ``record_id`` joined by "+". A ``reason`` column of the input is kept as ``status_reason``; other
        columns of these names are replaced, except that a filled ``label`` stays.

    Raises
    ------
    DataError
        If the columns that the measure needs are missing.
    EffectError
        If ``rows`` is not a table or is empty, or an argument is not one of its choices.

    Warns
    -----
    KetametaWarning
        If a column that is not read looks like a misspelt one that would be; if SMDs in units of the SD of changes stand beside SMDs in units of the SD of endpoint scores; if
        the washout of a crossover over both periods (``washout_days``) is under 7 days, or leaves more than
        a tenth of the effect by ``options.half_life_days``.

    Notes
    -----
    A missing SD is recovered from the arm's SE or interval; from quartiles or extremes; from the t,
    F or exact P value of an unadjusted test of the two means; and, if the options ask for it, from the
    SDs at baseline and end, or from other rows. A missing mean is recovered from the median with
    quartiles or extremes, and refused where their shape is not that of a normal sample. A missing SE
    of a contrast is recovered from its interval, or else from t, z or F(1, df), or else from its exact
    P value (Cochrane Handbook 6.3.1, 6.5.2). Two-sided intervals and P values of differences are read
    with t on ``n_t + n_c - 2`` degrees of freedom (``n_t - 1`` within persons) where the sizes are
    known, and with the normal otherwise; those of ratios and risk differences with the normal. Nothing
    is recovered from an inequality such as P < 0.001, nor from a one-sided bound.

    An SMD divides a reported difference by an SD of the arms, or by that of ``options.reference_sd``; its
    variance is ``J^2 (SE / SD)^2 + g^2 / (2 N)`` where the difference has an SE. A printed SMD is taken
    as it is. An SMD within persons is in units of the SD over persons
    (:func:`ketameta.effects.smcrph`), so that it may stand beside parallel groups.

    Counts: by default 0.5 is added to the cells of tables that hold a zero, for OR, RR and RD; tables
    without any event give a reason for ratios. A percentage gives a count only where exactly one whole
    number has it. Counts over both periods of a crossover are taken as parallel groups, which
    overstates the variance. Columns of a combined row that differ between the arms are joined by " + "
    (text) or left empty (numbers), except the combined statistics themselves.

    Examples
    --------
    >>> import pandas as pd
    >>> import ketameta as km
    >>> rows = pd.DataFrame(
    ...     {
    ...         "study_id": ["able2001", "baker2002_56mg", "baker2002_84mg", "crane2003"],
    ...         "comparator_arm_id": ["able2001:c", "baker2002:c", "baker2002:c", "crane2003:c"],
    ...         "n_t": [20, 15, 16, 30],
    ...         "mean_t": [14.0, 15.0, 13.0, 16.0],
    ...         "sd_t": [6.0, 7.0, 5.0, None],
    ...         "n_c": [21, 17, 17, 30],
    ...         "mean_c": [18.0, 19.0, 19.0, 17.5],
    ...         "sd_c": [7.0, 6.5, 6.5, 6.0],
    ...     }
    ... )
    >>> effects = km.effect_sizes(rows)
    >>> effects["label"].tolist(), effects["yi"].round(3).tolist()
    (['Able 2001', 'Baker 2002', 'Crane 2003'], [-0.601, -0.798, nan])
    >>> effects["shared"].tolist()
    ['', 'combined 2 arms', '']
    >>> effects["reason"].iloc[2]
    'sd_t is missing, with no se_t or CI to give it'
    """
    choice("measure", measure, _MEASURES)
    choice("standardiser", standardiser, tuple(STANDARDISERS))
    choice("shared", shared, ("combine", "split", "keep"))
    choice("adjusted", adjusted, ("exclude", "sd_from_se"))
    choice("crossover", crossover, ("paired", "parallel", "first"))
    if options is not None and not isinstance(options, EffectOptions):
        raise EffectError(f"options = {options!r}: give ketameta.effects.EffectOptions(...)")
    chosen = EffectOptions() if options is None else options
    table = table_of(rows)
    require_columns(table, measure)
    warn_of_misspelt(table)
    sheet = Sheet(input_part(table))
    with np.errstate(all="ignore"):
        read(sheet, Settings(measure, standardiser, adjusted, crossover, chosen))
        sets = shared_sets(sheet) if shared != "keep" else []
        if shared == "combine":
            combine_reported_rows(sheet, sets)
            combine_contrast_rows(sheet, sets)
        else:
            split_controls(sheet, sets)
        compute(sheet, measure, standardiser, chosen)
    guard_carry_over(sheet, chosen)
    if measure == "SMD":
        name_standardisers(sheet, standardiser)
        warn_of_mixture(sheet)
    result = _output(sheet, table, measure)
    asked = {"measure": measure, "standardiser": standardiser, "shared": shared, "adjusted": adjusted}
    note(result, ("effect_sizes", {**asked, "crossover": crossover, "options": chosen}))
    return result


def _output(sheet: Sheet, table: pd.DataFrame, measure: str) -> pd.DataFrame:
    alive = sheet.alive
    yi, vi = (np.where(alive, sheet.usable(name), np.nan) for name in ("yi", "vi"))
    labels = row_labels(sheet)
    frame = merged_frame(sheet).drop(columns="label", errors="ignore")
    added = {
        "label": labels,
        "measure": np.full(len(sheet), measure, dtype=object),
        "yi": yi,
        "vi": vi,
        "sei": np.sqrt(vi),
        "standardiser": np.where(alive, sheet.standardiser, ""),
        "imputed": np.where(alive, sheet.imputed, ""),
        "reason": sheet.reason,
        "shared": sheet.shared,
        "effect_notes": sheet.notes,
    }
    result = pd.concat([frame, pd.DataFrame(added)], axis=1)
    result.index = table.index
    stays = np.ones(len(sheet), dtype=np.bool_)
    stays[[row for rows in sheet.merged.values() for row in rows[1:]]] = False
    result = Table(result.iloc[np.flatnonzero(stays)])
    result.attrs = copy.deepcopy(table.attrs)
    return result
