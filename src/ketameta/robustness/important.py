"""The smallest difference that matters, where one is published."""

from __future__ import annotations

import math

from ketameta.evidence import load_scales

__all__ = ["minimal_difference"]

_SMD = -0.24
_SMD_SOURCE = "Cuijpers et al. 2014, Depress Anxiety 31:374-378, who call it tentative"


def minimal_difference(measure: str, outcome: str, instrument: str | None = None) -> tuple[float, str]:
    """Minimal important difference of an effect, with the sign that favours treatment.

    Parameters
    ----------
    measure : str
        SMD, or MD for points on an instrument.
    outcome, instrument : str
        As in the table of trials.

    Returns
    -------
    value : float
        -0.24 for an SMD of depression, for points that of :func:`ketameta.evidence.load_scales`; NaN where none is
        known.
    source : str
        Where it comes from; empty where none is known.

    References
    ----------
    Cuijpers P, Turner EH, Koole SL, van Dijke A, Smit F (2014). What is the threshold for a clinically relevant
    effect? Depress Anxiety 31:374-378. doi:10.1002/da.22249

    Examples
    --------
    >>> from ketameta.robustness.important import minimal_difference
    >>> minimal_difference("SMD", "depression")[0], minimal_difference("MD", "depression", "MADRS")[0]
    (-0.24, -3.0)
    """
    if measure == "SMD" and outcome == "depression":
        return _SMD, _SMD_SOURCE
    if measure == "MD" and instrument:
        scales = load_scales()
        rows = scales.loc[(scales["instrument"] == instrument) & scales["mid"].notna()]
        if len(rows):
            sign = -1.0 if bool(rows["higher_is_worse"].iloc[0]) else 1.0
            return sign * float(rows["mid"].iloc[0]), str(rows["mid_source"].iloc[0])
    return math.nan, ""
