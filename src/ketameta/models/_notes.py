"""What a reader of a pooled result must know, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ketameta.models.kernel import Fits
from ketameta.models.prediction import MeanInference
from ketameta.models.result import level_text

__all__ = [
    "ONE_STUDY",
    "alerts",
    "heterogeneity",
    "left_out",
    "narrow",
    "prediction",
    "standardisers",
    "width",
]

ONE_STUDY = "one study: heterogeneity and a prediction interval cannot be estimated"


def left_out(n: int) -> tuple[str, ...]:
    """How many rows have no effect size."""
    if n == 0:
        return ()
    return (
        "1 row has no effect size and is left out"
        if n == 1
        else f"{n} rows have no effect size and are left out",
    )


def standardisers(names: Sequence[str]) -> tuple[str, ...]:
    """Whether SMDs in units of different SDs stand in one pool; ``names`` has one SD a study.

    Examples
    --------
    >>> from ketameta.models._notes import standardisers
    >>> standardisers(["pooled SD of change scores", "pooled SD of endpoint scores"])[0]
    'SMDs in units of different SDs are pooled: pooled SD of change scores (1), pooled SD of endpoint scores (1)'
    """
    counts = Counter(name for name in names if name)
    if len(counts) < 2:
        return ()
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    return (f"SMDs in units of different SDs are pooled: {listed}",)


def alerts(fits: Fits, inference: MeanInference, *, tau2: str, ci: str) -> tuple[str, ...]:
    """Notes on an interval by t that must not be overlooked."""
    if ci in ("Wald", "profile"):
        return ()
    found = []
    if ci == "KR":
        if fits.k == 2 or inference.df < 1:
            t = f"t = {float(inference.critical):.1f} at {level_text(inference.level)}"
            found.append(
                f"the Kenward-Roger interval has {float(inference.df):.2g} degrees of freedom ({t}): it and the "
                "prediction interval beside it say almost nothing"
            )
        return tuple(found)
    if tau2 == "EE":
        found.append(
            'an HKSJ interval is meant for random-effects models; tau2="EE" usually goes with ci="Wald"'
        )
    if fits.df == 1:
        t = f"t = {float(inference.critical):.1f} at {level_text(inference.level)}"
        subject = "two studies leave" if fits.k == 2 else "there is"
        found.append(
            f"{subject} one degree of freedom ({t}): the HKSJ interval "
            "and the prediction interval beside it say almost nothing"
        )
    if inference.se == 0:
        found.append(
            "the effects are identical, so the HKSJ standard error is 0 and its interval has no width; "
            'use ci="HKSJ-adhoc" or ci="Wald"'
        )
    return tuple(found)


def heterogeneity(
    fits: Fits, tau2_ci: tuple[float, float], *, tau2: str, ci: str, interval: str = "Q-profile"
) -> tuple[str, ...]:
    """Notes on the estimate of tau2 and its interval."""
    if tau2 == "EE":
        return ("a common effect is assumed: tau2 is not estimated, and there is no prediction interval",)
    found = []
    if fits.k == 2 and ci in ("Wald", "profile"):
        found.append("heterogeneity is hardly estimable from two studies")
    if fits.boundary:
        found.append(
            "tau2 is estimated as 0, the edge of its range; this does not show that the effects are alike"
        )
    if fits.modes > 1:
        found.append(
            f"the {tau2} likelihood has {int(fits.modes)} local maxima in tau2; the highest is taken"
        )
    if tau2_ci == (0.0, 0.0):
        found.append(
            "the effects differ less than their sampling error would make them: the tau2 interval is [0, 0]"
        )
    elif not tau2_ci[0] <= float(fits.tau2) <= tau2_ci[1]:
        found.append(
            f"the estimate of tau2 lies outside its {interval} interval, which does not depend on it"
        )
    return tuple(found)


def prediction(fits: Fits, *, method: str, tau2: str) -> tuple[str, ...]:
    """Why there is no prediction interval, where the one asked for needs more studies."""
    if method == "t(k-2)" and tau2 != "EE" and fits.k < 3:
        return ("a prediction interval with k - 2 degrees of freedom needs three studies",)
    return ()


def narrow(ci: tuple[float, float], pi: tuple[float, float]) -> tuple[str, ...]:
    """Whether a prediction interval that rests on another standard error fails to hold the interval of the mean."""
    if pi[0] > ci[0] or pi[1] < ci[1]:
        return (
            "the prediction interval does not hold the whole confidence interval, because the two rest on "
            "different standard errors (that of a bootstrap all but vanishes where the effects are alike); "
            'prediction="t(k-1)" takes that of the confidence interval',
        )
    return ()


def width(inference: MeanInference, wald: MeanInference, *, ci: str) -> tuple[str, ...]:
    """Whether an HKSJ interval came out narrower than the Wald interval."""
    if ci == "HKSJ" and 0.0 < inference.se < wald.se and _half_width(inference) < _half_width(wald):
        return ('the HKSJ interval is narrower than the Wald interval; ci="HKSJ-adhoc" never is',)
    return ()


def _half_width(inference: MeanInference) -> float:
    return float(inference.critical * inference.se)
