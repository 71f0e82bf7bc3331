"""Multiverse meta-analysis: one question under every combination of defensible choices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ketameta._progress import Bar
from ketameta._typing import AnyArray
from ketameta.errors import DataError, ModelError
from ketameta.provenance import trace
from ketameta.robustness._asked import flag, number_between
from ketameta.robustness._universe_choices import Choices, read_choices
from ketameta.robustness._universe_effects import unit_effects
from ketameta.robustness._universe_fits import NUMBERS, REASONS, Fitted, Samples, fit_samples, gather
from ketameta.robustness._universe_options import EFFECT_CHOICES
from ketameta.robustness._universe_rows import pick_rows
from ketameta.robustness.important import minimal_difference
from ketameta.robustness.multiverse_result import FailedUniverses, Multiverse

__all__ = ["multiverse"]


def multiverse(
    trials: pd.DataFrame,
    question: Mapping[str, Any],
    choices: Mapping[str, Any] | None = None,
    *,
    mid: float | None = None,
    level: float = 0.95,
    progress: bool = True,
    workers: int = 1,
) -> Multiverse:
    """Answer one question under every combination of defensible choices.

    Parameters
    ----------
    trials : pandas.DataFrame
        From :func:`ketameta.load_trials` or :func:`ketameta.read_trials`; it is not changed.
    question : mapping
        What every universe shares, such as ``{"indication": "MDD", "outcome": "depression"}``: any of the choices
        below with one option, or ``hours`` and ``at`` as in :func:`ketameta.select`. The measure is SMD unless it
        says otherwise.
    choices : mapping of str to tuple, optional
        By name, the options, **the main analysis first**: the universe of all first options is the reference of the
        result. By default those in which reviews of ketamine trials have differed, the choices of the report first.

        About rows, as in :func:`ketameta.select` (a value, a tuple of values, or None for any): ``indication``,
        ``outcome``, ``drug``, ``route``, ``dosing``, ``comparator``, ``population`` (also ``"adults"`` and
        ``"treatment-resistant"``), ``design``, ``instrument``, ``definition``, ``setting``; likewise ``blinding``,
        ``score`` (``"endpoint"``, ``"change"`` ...), ``analysis_set``, ``source`` and ``confidence``; ``window``
        (``(low, high)`` or ``(low, high, best)`` in hours); ``provisional`` (True or False); ``risk_of_bias``
        (``"any"``, ``"no high risk"``, ``"judged, no high risk"``: of the trial in any domain, by published reviews);
        ``measure`` (of several only those on one scale, OR and PETO).

        About effects, as in :func:`ketameta.effect_sizes`: ``standardiser``, ``shared``, ``adjusted``,
        ``crossover`` (a word, or ``("paired", r)``), ``variance``, ``quantiles``, ``r_change``, ``correction``,
        ``to``; ``imputed`` (whether effects that rest on recovered numbers enter).

        About the model, as in :func:`ketameta.pool`: ``tau2``; ``ci`` (HKSJ, HKSJ-adhoc, Wald, KR).
    mid : float, optional
        Minimal important difference on the scale of the analysis, with its sign. By default -0.24 for an SMD of
        depression (Cuijpers et al. 2014) and, for mean differences on one instrument, that of
        :func:`ketameta.evidence.load_scales`; none otherwise.
    level : float
        Level of all intervals.
    progress : bool
        Whether to tell on standard error how far long work has come.
    workers : int
        1 computes effects in this process; more go through joblib, -1 takes all processors.

    Returns
    -------
    Multiverse

    Raises
    ------
    ModelError
        For an unknown choice or option, measures that are not on one scale, more than 3,000,000 universes, or when
        no universe is possible (with the reasons).
    SelectionError, DataError
        For a value that no row has, or a table that cannot be read.

    Notes
    -----
    The work has three stages, each done once for what is distinct: rows (filters as sets of rows; overlaps resolved
    once for each set of candidates), effects (once for each set of rows about the same participants and each choice
    about effects), fits (each distinct set of effects once by each estimator, in one batch of
    :func:`ketameta.models.kernel.fit`). A universe is the same, number by number, as ``select``, ``effect_sizes``
    and ``pool`` in a row.

    A universe with fewer than two trials is not a meta-analysis; it is counted as impossible, like one without rows,
    without effects or without an interval, one that counts participants twice, and one that would pool mean
    differences on several instruments (:func:`ketameta.pool` cannot see that, and does). ``failed`` says how many and
    why.

    After Voracek, Kossmeier and Tran (2019), whose "which" choices are those about rows and whose "how" choices are
    those about effects and models, and Simonsohn, Simmons and Nelson (2020); Plessen et al. (2023) asked it of
    psychotherapies for depression. No test over all universes is made: they share their
    trials, and their number is a matter of what was put on the list.

    References
    ----------
    Voracek M, Kossmeier M, Tran US (2019). Which data to meta-analyze, and how? A specification-curve and
    multiverse-analysis approach to meta-analysis. Zeitschrift fuer Psychologie 227:64-82. doi:10.1027/2151-2604/a000357

    Simonsohn U, Simmons JP, Nelson LD (2020). Specification curve analysis. Nat Hum Behav 4:1208-1214.

    Plessen CY, Karyotaki E, Miguel C, Ciharova M, Cuijpers P (2023). Exploring the efficacy of psychotherapies for
    depression: a multiverse meta-analysis. BMJ Ment Health 26:e300626.

    Cuijpers P, Turner EH, Koole SL, van Dijke A, Smit F (2014). What is the threshold for a clinically relevant
    effect? Depress Anxiety 31:374-378. doi:10.1002/da.22249

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import multiverse
    >>> found = multiverse(
    ...     km.load_trials(),
    ...     {"indication": "MDD", "outcome": "depression", "hours": (18, 36), "at": 24},
    ...     {"dosing": ("single", None), "tau2": ("REML", "DL", "PM"), "ci": ("HKSJ", "Wald")},
    ... )
    >>> found.n_universes, found.n_possible
    (12, 12)
    """
    if not isinstance(trials, pd.DataFrame):
        raise DataError(f"a DataFrame of trials is wanted, not {type(trials).__name__}")
    flag("progress", progress)
    number_between("level", level, 0, 1)
    chosen = read_choices(trials, question, choices)
    measure = str(chosen.options["measure"][0])
    threshold, source = _important(chosen, measure, mid)
    picked = pick_rows(trials, chosen)
    runs = math.prod(len(chosen.options.get(name, (0,))) for name in ("measure", *EFFECT_CHOICES))
    bar = Bar("effects of the multiverse", runs, progress)
    effects = unit_effects(trials, picked.units, chosen, workers=workers, bar=bar)
    imputed, tau2, ci = (chosen.options[name] for name in ("imputed", "tau2", "ci"))
    samples = gather(picked, effects, imputed)
    fitted = fit_samples(samples, tau2, ci, level)
    numbers, sample, reason = _spread(samples, fitted)
    for array in (*numbers.values(), sample, reason):
        array.flags.writeable = False
    if not (reason == 0).any():
        why = "; ".join(f"{REASONS[code]} ({(reason == code).sum():,})" for code in np.unique(reason))
        errors = "; ".join(dict.fromkeys(each.error for each in effects if each.error))
        raise ModelError(f"no universe is possible: {why}" + (f". {errors}" if errors else ""))
    idle = _idle(chosen, numbers, reason)
    given = {name: chosen.options[name] for name in chosen.given}
    asked = {"question": dict(question), "choices": given, "mid": mid, "level": level}
    return Multiverse(
        options=dict(chosen.options),
        names=chosen.given,
        measure=measure,
        level=float(level),
        mid=threshold,
        mid_source=source,
        **numbers,
        sample=sample,
        reason=reason,
        failed=_failed(reason, chosen),
        idle=idle,
        notes=_notes(chosen, reason, idle, [each.error for each in effects if each.error]),
        provenance=trace(trials, ("multiverse", asked)),
    )


def _important(chosen: Choices, measure: str, mid: float | None) -> tuple[float, str]:
    """Minimal important difference and where it comes from; NaN where there is none."""
    if mid is not None:
        value = number_between("mid", mid, -math.inf, math.inf)
        if value == 0:
            raise ModelError("mid=0 is no difference; give the smallest one that matters, with its sign")
        return value, "as given"
    outcomes, instruments = (chosen.options.get(name, ()) for name in ("outcome", "instrument"))
    one = [
        values[0] if len(values) == 1 and isinstance(values[0], str) else None
        for values in (outcomes, instruments)
    ]
    return minimal_difference(measure, one[0] or "", one[1])


def _spread(samples: Samples, fitted: Fitted) -> tuple[dict[str, Any], AnyArray, AnyArray]:
    """Numbers of every universe from those of the distinct fits, the last choices changing fastest."""
    per_sample = int(np.prod(fitted.reason.shape[1:]))
    which = samples.which.ravel()
    place = (np.maximum(which, 0)[:, None] * per_sample + np.arange(per_sample)).ravel()
    there = np.repeat(which >= 0, per_sample)

    def of(values: Any, missing: Any) -> Any:
        return np.where(there, values[place] if values.size else missing, missing)

    reason = of(fitted.reason.ravel(), 0)
    reason = np.where(there, reason, np.repeat(samples.reason.ravel(), per_sample)).astype(np.int8)
    numbers = {name: of(fitted.numbers[name].ravel(), np.nan) for name in NUMBERS}
    for name, values in (("k", samples.k.astype(float)), ("n", samples.n)):
        numbers[name] = np.where(reason == 0, of(np.repeat(values, per_sample), np.nan), np.nan)
    return numbers, np.where(reason == 0, np.repeat(which, per_sample), -1), reason


def _failed(reason: AnyArray, chosen: Choices) -> tuple[FailedUniverses, ...]:
    """How many universes are impossible for each reason, the most frequent first, each with the first of them."""
    labels = chosen.labels
    found = []
    for code in np.unique(reason[reason > 0]).tolist():
        here = np.flatnonzero(reason == code)
        codes = np.unravel_index(int(here[0]), [len(values) for values in chosen.options.values()])
        example = {
            name: labels[name][int(place)]
            for name, place in zip(chosen.options, codes, strict=True)
            if name in labels
        }
        found.append(FailedUniverses(REASONS[code], int(here.size), example))
    return tuple(sorted(found, key=lambda each: -each.count))


def _idle(chosen: Choices, numbers: Mapping[str, AnyArray], reason: AnyArray) -> tuple[str, ...]:
    """Choices whose options all lead to the same numbers, whatever the others."""
    sizes = [len(values) for values in chosen.options.values()]
    shaped = [values.reshape(sizes) for values in (reason, numbers["estimate"], numbers["ci_low"])]
    return tuple(
        name
        for axis, name in enumerate(chosen.options)
        if sizes[axis] > 1
        and all(
            np.array_equal(values, np.broadcast_to(values.take([0], axis), sizes), equal_nan=True)
            for values in shaped
        )
    )


def _notes(
    chosen: Choices, reason: AnyArray, idle: tuple[str, ...], effects_failed: list[str]
) -> tuple[str, ...]:
    notes = [
        "universes are not independent and not equally defensible: they share their trials, and a share of them is "
        "not a probability",
    ]
    impossible = int((reason > 0).sum())
    if impossible:
        notes.append(f"{impossible:,} of {reason.size:,} universes are impossible; .failed says why")
    if idle:
        notes.append(f"these choices change nothing here and only multiply universes: {', '.join(idle)}")
    notes += [f"effects that could not be computed: {text}" for text in dict.fromkeys(effects_failed)]
    if None in chosen.options.get("dosing", ("single",)) and "dosing" not in idle:
        notes.append("where dosing is any, single and repeated dosing are pooled together")
    if "risk_of_bias" in chosen.given:
        notes.append(
            "risk of bias is that of published reviews; trials that none judged stay in under 'no high risk'"
        )
    return tuple(notes)
