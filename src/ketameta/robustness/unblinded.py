"""Functional unblinding: does the comparator matter, and how large a bias would undo the result?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.models._studies import text_column
from ketameta.robustness._asked import number_within, pool_of
from ketameta.robustness._refits import Refits, refits
from ketameta.robustness._tipping import LARGEST, assumed_values, first_crossing, longest
from ketameta.robustness._unblinding_classes import ACTIVE, INACTIVE, compare
from ketameta.robustness._unblinding_notes import notes_of
from ketameta.robustness.unblinding_result import Unblinding

__all__ = ["unblinding"]

_POINTS = 61
_BEYOND = 1.25


def unblinding(
    fit: Pooled,
    *,
    threshold: float | None = None,
    assumed: float | Sequence[float] | None = None,
    share_active: float = 0.0,
    bias_sd: float = 0.0,
    classes: Sequence[str] | None = None,
) -> Unblinding:
    """Compare trials by what the comparator could mask, and find the bias from unblinding that undoes the result.

    Participants feel whether they were given ketamine or saline. What they and their raters expect then may enter
    the effect. First the effects are compared between trials with an inactive and with a psychoactive comparator;
    then a bias is assumed, taken off the effects, and the rest is pooled anew.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, of two studies or more.
    threshold : float, optional
        Minimal important difference, on the scale of the analysis with its sign, such as -0.24 (ratios as logs); on
        the side of 0 where the pooled effect lies. None by default: which difference matters is for the reader to say.
    assumed : float or sequence of float, optional
        Biases to assume in a trial with an inactive comparator, in the unit of the effects (ratios as logs) and with
        the sign of an effect: with negative values favouring ketamine, a bias in its favour is negative. By default
        61 values from 0 to beyond the tipping points.
    share_active : float
        Part of the bias in trials with a psychoactive comparator, 0 (masked by it) to 1 (as unmasked as the others).
    bias_sd : float
        Standard deviation of the assumed bias, common to all trials: what is not known about it.
    classes : sequence of str, optional
        For each study ``"inactive"``, ``"psychoactive"`` or anything else; by default the column
        ``comparator_class`` of the rows. Studies that are neither, such as those with an active treatment, are left
        out and named.

    Returns
    -------
    Unblinding

    Raises
    ------
    ModelError
        When there is no class of comparator, fewer than two trials have one, the threshold lies on the other side of
        0 than the effect, or an option is out of its range.

    Notes
    -----
    The comparison is a meta-regression with one mean a class and one tau2, by the tau2 method of ``fit`` and its
    interval; where that is Kenward-Roger or the profile likelihood, which are not defined for several means, by
    HKSJ. The difference is psychoactive minus inactive.

    A bias b is taken off as yi - b s, with s = 1 for an inactive and ``share_active`` for a psychoactive comparator;
    tau2 is estimated anew at each b, as the two classes move apart or together. The uncertainty of b is common to
    the trials, so it does not average out: with weights w the squared standard error grows by
    (bias_sd * sum of w s)^2, with the weights taken as known. Turner et al. (2009) subtract the mean and add the
    variance of an elicited bias for each study; here one bias is shared. Tipping points are the first b, from 0 on in
    the direction of the effect, at which the estimate, or the end of its interval that faces 0, reaches 0 or the
    threshold.

    How large such a bias is, is not known for ketamine. Elsewhere, patients who were not blinded exaggerated effects
    that they reported themselves by 0.56 standard deviations (95% CI 0.41 to 0.71; 12 trials, 10 of them of
    acupuncture; Hrobjartsson et al. 2014), assessors who were not blinded by 0.23 (0.06 to 0.40; 16 trials;
    Hrobjartsson et al. 2013), while no such bias was found on average in 142 meta-analyses (ratio of odds ratios
    0.91, 0.61 to 1.34, for patients who report the outcome; Moustgaard et al. 2020).

    References
    ----------
    Turner RM, Spiegelhalter DJ, Smith GCS, Thompson SG (2009). Bias modelling in evidence synthesis. J R Stat Soc A
    172:21-47. doi:10.1111/j.1467-985X.2008.00547.x

    Muthukumaraswamy SD, Forsyth A, Lumley T (2021). Blinding and expectancy confounds in psychedelic randomized
    controlled trials. Expert Rev Clin Pharmacol 14:1133-1152.

    Hrobjartsson A, Emanuelsson F, Skou Thomsen AS, Hilden J, Brorson S (2014). Bias due to lack of patient blinding
    in clinical trials. Int J Epidemiol 43:1272-1283. doi:10.1093/ije/dyu115

    Hrobjartsson A, Thomsen ASS, Emanuelsson F, et al. (2013). Observer bias in randomized clinical trials with
    measurement scale outcomes. CMAJ 185:E201-E211. doi:10.1503/cmaj.120744

    Moustgaard H, Clayton GL, Jones HE, et al. (2020). Impact of blinding on estimated treatment effects in randomised
    clinical trials: meta-epidemiological study. BMJ 368:l6802. doi:10.1136/bmj.l6802

    Hedges LV, Pigott TD (2004). The power of statistical tests for moderators in meta-analysis. Psychol Methods
    9:426-445. doi:10.1037/1082-989X.9.4.426

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import unblinding
    >>> fit = km.pool(yi=[-1.0, -0.9, -0.8, -0.4, -0.5], vi=[0.09, 0.05, 0.04, 0.07, 0.06])
    >>> found = unblinding(fit, classes=["inactive"] * 3 + ["psychoactive"] * 2, threshold=-0.24)
    >>> round(found.difference, 2), round(found.tipping_bias("estimate", 0.0), 2)
    (0.42, -1.18)
    """
    pool_of(fit, "unblinding")
    names = _classes(fit, classes)
    share = number_within("share_active", share_active, 0.0, 1.0)
    sd = number_within("bias_sd", bias_sd, 0.0, LARGEST)
    if sd > 0 and fit.ci_method == "profile":
        raise ModelError(
            'bias_sd has no place in a profile likelihood interval; pool with ci="HKSJ" or "Wald"'
        )
    used = np.array([name in (INACTIVE, ACTIVE) for name in names])
    if used.sum() < 2:
        raise ModelError(
            f"unblinding() needs two trials or more with an inactive or a psychoactive comparator; there are {used.sum()}, "
            f"and the classes found are {', '.join(sorted(map(repr, set(names))))}"
        )
    kept = np.array(names)[used]
    yi, vi = fit.yi[used], fit.vi[used]
    moved = np.where(kept == INACTIVE, 1.0, share)
    adjust = partial(_adjusted, fit, yi, vi, moved, sd)
    plain = adjust(np.zeros(1))
    estimate = float(plain.estimate[0])
    limit = None if threshold is None else _limit(threshold, estimate)
    tipping = _tipping_points(adjust, plain, [0.0] if limit is None else [0.0, limit])
    biases = _biases(assumed, tipping, plain)
    classwise = compare(fit, kept, yi, vi, fit.rows.loc[used])
    asked = {
        "threshold": limit,
        "assumed": None if assumed is None else biases.tolist(),
        "share_active": share,
        "bias_sd": sd,
        "classes": None if classes is None else names,
    }
    return Unblinding(
        measure=fit.measure,
        level=fit.level,
        tau2_method=fit.tau2_method,
        ci_method=fit.ci_method,
        threshold=limit,
        share_active=share,
        bias_sd=sd,
        k=int(used.sum()),
        estimate=estimate,
        ci_low=float(plain.ci_low[0]),
        ci_high=float(plain.ci_high[0]),
        classes=classwise.table,
        difference=classwise.difference,
        difference_se=classwise.se,
        difference_ci=classwise.ci,
        p=classwise.p,
        detectable=classwise.detectable,
        class_tau2=classwise.tau2,
        class_ci_method=classwise.ci_method,
        tipping=tipping,
        adjusted=adjust(biases).table("bias", biases),
        notes=notes_of(fit, names, classwise, moved),
        provenance=fit.provenance.after(("unblinding", asked)),
    )


def _classes(fit: Pooled, classes: Sequence[str] | None) -> list[str]:
    """The class of each study's comparator as a word."""
    if classes is None:
        if "comparator_class" not in fit.rows.columns:
            raise ModelError(
                "the rows have no column comparator_class; give classes=, one word for each study: "
                '"inactive", "psychoactive" or another'
            )
        return [str(name).strip() for name in text_column(fit.rows, "comparator_class")]
    if (
        not isinstance(classes, Sequence | np.ndarray)
        or isinstance(classes, str)
        or not all(isinstance(name, str) for name in classes)
    ):
        raise ModelError('classes= takes one word for each study, such as ["inactive", "psychoactive"]')
    if len(classes) != fit.k:
        raise ModelError(
            f"classes= has {len(classes)} words for {fit.k} studies; give one for each, in order"
        )
    return [str(name).strip() for name in classes]


def _limit(threshold: Any, estimate: float) -> float:
    value = number_within("threshold", threshold, -LARGEST, LARGEST)
    if value * estimate < 0:
        raise ModelError(
            f"threshold={value:g} lies on the other side of 0 than the pooled effect, {estimate:.3g}; "
            f"give it with its sign, such as {-value:g}"
        )
    return value


def _adjusted(fit: Pooled, yi: Array, vi: Array, moved: Array, sd: float, biases: Array) -> Refits:
    """Pooled effects after each bias (m,) is taken off."""
    return refits(fit, yi - biases[:, None] * moved, vi, test=False, moved=moved, moved_sd=sd)


def _tipping_points(adjust: Any, plain: Refits, targets: Sequence[float]) -> pd.DataFrame:
    """The first bias at which the estimate, or the end of the interval facing 0, reaches each target."""
    estimate, low, high = (float(part[0]) for part in (plain.estimate, plain.ci_low, plain.ci_high))
    sign = 1.0 if estimate > 0 else -1.0
    unit = sign * longest(abs(estimate), 0.5 * (high - low))
    rows = []
    for target in dict.fromkeys(targets):
        for what, name in (("estimate", "estimate"), ("interval", "ci_low" if sign > 0 else "ci_high")):

            def over(biases: Array, name: str = name, target: float = target) -> Array:
                return np.asarray(sign * (getattr(adjust(biases), name) - target))

            rows.append({"what": what, "target": target, "bias": first_crossing(over, 0.0, unit)})
    return pd.DataFrame(rows)


def _biases(assumed: Any, tipping: pd.DataFrame, plain: Refits) -> Array:
    """The biases of the curve: those given, or from 0 to beyond the tipping points."""
    if assumed is None:
        estimate = float(plain.estimate[0])
        found = tipping["bias"].to_numpy()
        reach = np.abs(found[np.isfinite(found)]).max(initial=0.0) or abs(estimate) or float(plain.se[0])
        return np.asarray(np.linspace(0.0, math.copysign(_BEYOND * reach, estimate or -1.0), _POINTS))
    return assumed_values(assumed)
