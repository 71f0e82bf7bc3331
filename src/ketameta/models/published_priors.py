"""Published empirical priors of the heterogeneity, for the outcomes and comparisons of this field.

The parameters are those of Turner et al. (2015), Table IV and page 993, and of Rhodes et al. (2015), Table 3 and
section 3.3. The papers themselves could not be read; the numbers are those on which the transcriptions in the R
packages bayesmeta 3.4 and rnmamod agree. A third one, hetprior, differs in three numbers (-3.32 for withdrawals and
-3.34 for quality of life, drug against drug, and -3.34 for any outcome by Rhodes et al.); two of these break the
constant step between comparisons that the other rows keep. From Rhodes et al. only drugs are offered: for mental
health under non-pharmacological interventions all three have -3.85, which departs by 1 from that step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ketameta._spelling import did_you_mean
from ketameta.errors import ModelError
from ketameta.models.log_priors import LogNormal, LogStudentT

__all__ = ["rhodes2015", "turner2015"]

_Table = Mapping[str, tuple[tuple[float, float], ...]]

_TURNER_COMPARISONS = ("placebo", "pharmacological", "non-pharmacological")
_TURNER: _Table = {
    "mental health": ((-2.12, 1.53), (-2.35, 1.60), (-1.09, 1.27)),
    "subjective": ((-2.70, 1.52), (-2.93, 1.58), (-1.67, 1.25)),
    "signs and symptoms": ((-2.06, 1.51), (-2.29, 1.58), (-1.03, 1.24)),
    "quality of life and functioning": ((-2.54, 1.54), (-2.78, 1.60), (-1.51, 1.27)),
    "adverse events": ((-1.87, 1.52), (-2.10, 1.58), (-0.84, 1.24)),
    "withdrawals": ((-2.99, 1.74), (-3.23, 1.79), (-1.96, 1.51)),
}
_TURNER_ANY = (-2.56, 1.74)

_RHODES_COMPARISONS = ("placebo", "pharmacological")
_RHODES: _Table = {
    "mental health": ((-2.99, 2.16), (-3.27, 2.14)),
    "subjective": ((-2.76, 2.58), (-3.03, 2.59)),
    "signs and symptoms": ((-3.00, 2.50), (-3.27, 2.47)),
    "quality of life and functioning": ((-3.16, 2.50), (-3.44, 2.44)),
}
_RHODES_ANY = (-3.44, 2.59)


def turner2015(outcome: str = "any", comparison: str = "any") -> LogNormal:
    """Prior of the heterogeneity of log odds ratios, from 14,886 meta-analyses of binary outcomes.

    Parameters
    ----------
    outcome : str
        ``"mental health"``, ``"subjective"`` (various subjective outcomes), ``"signs and symptoms"`` (reflecting
        continuation or end of the condition), ``"quality of life and functioning"``, ``"adverse events"``,
        ``"withdrawals"``, or ``"any"``, which takes no account of outcome and comparison.
    comparison : str
        What the drug is compared with: ``"placebo"`` (or another control), ``"pharmacological"`` (another drug),
        ``"non-pharmacological"`` (such as ECT); ``"any"`` beside the outcome ``"any"``.

    Returns
    -------
    LogNormal
        Log-normal of tau2, on the scale of log odds ratios.

    Raises
    ------
    ModelError
        When an option is unknown.

    Notes
    -----
    Turner et al. (2015), Stat Med 34:984-998, Table IV.

    Examples
    --------
    >>> from ketameta.models import turner2015
    >>> print(turner2015("mental health", "placebo"))
    LogNormal(-2.12, 1.53) of tau2, Turner et al. 2015 (mental health, placebo)
    """
    location, scale = _look_up(_TURNER, _TURNER_COMPARISONS, _TURNER_ANY, outcome, comparison)
    return LogNormal(location, scale, _cited("Turner et al. 2015", outcome, comparison), "OR")


def rhodes2015(outcome: str = "any", comparison: str = "any") -> LogStudentT:
    """Prior of the heterogeneity of standardised mean differences, from 6,492 meta-analyses.

    Parameters
    ----------
    outcome : str
        ``"mental health"``, ``"subjective"`` (various subjectively measured outcomes), ``"signs and symptoms"``
        (with onset of new disease), ``"quality of life and functioning"`` (with pain, adverse events and general
        physical health), or ``"any"``, which takes no account of outcome and comparison.
    comparison : str
        What the drug is compared with: ``"placebo"`` (or another control) or ``"pharmacological"`` (another drug);
        ``"any"`` beside the outcome ``"any"``.

    Returns
    -------
    LogStudentT
        Log-t of tau2 with 5 degrees of freedom, on the scale of SMDs, for areas of medicine other than cancer and
        respiratory disease.

    Raises
    ------
    ModelError
        When an option is unknown.

    Notes
    -----
    Rhodes, Turner and Higgins (2015), J Clin Epidemiol 68:52-60, Table 3. The published numbers are taken as location
    and scale of the t distribution, as bayesmeta does. Its tails are then wider than the 95% ranges of tau2 given
    beside them in hetprior's transcription: for mental health and placebo 0.0007 to 4.70 there, 0.0002 to 13.0 here.

    Examples
    --------
    >>> from ketameta.models import rhodes2015
    >>> print(rhodes2015("mental health", "placebo"))
    LogStudentT(-2.99, 2.16, df = 5) of tau2, Rhodes et al. 2015 (mental health, placebo)
    """
    location, scale = _look_up(_RHODES, _RHODES_COMPARISONS, _RHODES_ANY, outcome, comparison)
    return LogStudentT(location, scale, 5.0, _cited("Rhodes et al. 2015", outcome, comparison), "SMD")


def _look_up(
    table: _Table, comparisons: tuple[str, ...], general: tuple[float, float], outcome: Any, comparison: Any
) -> tuple[float, float]:
    _known("outcome", outcome, ("any", *table))
    if outcome == "any":
        _known("comparison", comparison, ("any",))
        return general
    _known("comparison", comparison, comparisons)
    return table[outcome][comparisons.index(comparison)]


def _known(name: str, value: Any, options: Sequence[str]) -> None:
    if isinstance(value, str) and value in options:
        return
    hint = did_you_mean(value, options, ".")
    raise ModelError(f"{name}={value!r} is unknown here{hint} Choose one of {', '.join(map(repr, options))}.")


def _cited(source: str, outcome: str, comparison: str) -> str:
    return f"{source} ({outcome})" if outcome == "any" else f"{source} ({outcome}, {comparison})"
