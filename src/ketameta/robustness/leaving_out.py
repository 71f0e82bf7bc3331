"""Each study, or each group of studies, left out in turn: does the conclusion hang on one of them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, plural
from ketameta._typing import AnyArray, BoolArray
from ketameta.errors import ModelError
from ketameta.models import Multilevel, Pooled
from ketameta.models._formula import column_error
from ketameta.models._moderators import moderator
from ketameta.models._studies import name_rows
from ketameta.models.result import level_text
from ketameta.robustness._asked import pool_of
from ketameta.robustness._multilevel_refits import refit_multilevel
from ketameta.robustness._refits import Refits, refits
from ketameta.robustness._stepwise import NUMBERS, Stepwise, Whole, side_of

__all__ = ["LeaveOneOut", "leave_one_out"]

_LEAST = 3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeaveOneOut(Stepwise):
    """Pools without each study, or without each group of studies.

    Attributes
    ----------
    by : str or None
        Column whose values are left out together; None where each study is left out alone.
    labels : tuple of str
        The study or value left out.
    k : Array, shape (n,)
        Number of studies (effects, in a multilevel model) that are left.
    estimate, se, ci_low, ci_high, p, pi_low, pi_high, tau2, i2, q : Array, shape (n,)
        The pool without it, on the scale of the analysis (logs for ratios). I2 is NaN in a multilevel model.
    whole : Whole
        The pool of all studies.
    notes, provenance
        What a reader must know; data set, rows and software.
    """

    by: str | None

    @property
    def changes(self) -> BoolArray:
        """Whether the interval lies otherwise to no difference than with all studies, shape (n,)."""
        known = np.isfinite(self.ci_low) & np.isfinite(self.ci_high)
        whole = side_of(self.whole.ci_low, self.whole.ci_high)
        return np.asarray(known & (self.sides() != whole))

    @property
    def decisive(self) -> tuple[str, ...]:
        """The studies, or values, without which the conclusion is another."""
        return tuple(label for label, turned in zip(self.labels, self.changes, strict=True) if turned)

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        what = "Each study" if self.by is None else f"All studies of each {self.by}"
        return f"{what} left out in turn, and the rest pooled anew with the settings of the whole"

    def to_frame(self) -> pd.DataFrame:
        """One row a pool: what was left out, the pool, its shift, and whether the conclusion changes."""
        table = Stepwise.to_frame(self)
        table["shift"] = self.estimate - self.whole.estimate
        table["changes"] = self.changes
        return table

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        return self._record(by=self.by, method=self.method, decisive=list(self.decisive))

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        whole, estimate = self.whole, self.estimate
        count = len(self.labels)
        what = plural(count, "study", "studies") if self.by is None else f"{count} values of {self.by}"
        name = whole.measure or "effect"
        if not np.isfinite(estimate).all():
            return f"Leaving out each of {what} in turn, not every pool could be computed."
        least, most = int(estimate.argmin()), int(estimate.argmax())
        side = side_of(whole.ci_low, whole.ci_high)
        stands = f"{level_text(whole.level)} CI {'excludes' if side else 'includes'} {whole.null}"
        turned = self.decisive
        verdict = (
            f"the conclusion ({stands}) changed without {' or without '.join(turned)}"
            if turned
            else f"the conclusion ({stands}) never changed"
        )
        return (
            f"Leaving out each of {what} in turn, the pooled {name} lay between "
            f"{whole.text(float(estimate[least]))} (without {self.labels[least]}) and "
            f"{whole.text(float(estimate[most]))} (without {self.labels[most]}); {verdict}."
        )

    def _card(self) -> Card:
        changes = self.changes
        rows = [
            (label, *self._cells(i), "changes" if changes[i] else "") for i, label in enumerate(self.labels)
        ]
        rows.append(("none (all studies)", *self._whole_cells(), ""))
        title = f"Pooled {self.whole.measure or 'effect'} without each {self.by or 'study'}"
        columns = (*self._columns("Left out"), "Conclusion")
        return Card(title, columns, tuple(rows), self.notes, self._footer(self.method))


def leave_one_out(fit: Pooled | Multilevel, *, by: str | None = None) -> LeaveOneOut:
    """Leave each study out in turn, and pool the rest anew.

    Parameters
    ----------
    fit : Pooled or Multilevel
        From :func:`ketameta.pool`, of three studies or more; or from :func:`ketameta.multilevel`, a model of one
        mean (``moderators="1"``).
    by : str, optional
        Column of the rows whose values are left out one after the other, with all their studies, such as
        ``"comparator"``; three values or more. Left out: each study alone. For a multilevel model the outermost
        grouping of the random effects, so that effects that depend on one another go together.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    ModelError
        For another kind of result, fewer than three studies or values, a column that does not exist or lacks
        values, and a multilevel model with moderators.

    Notes
    -----
    Each pool has the estimator of tau2 and the intervals of ``fit``; the prediction interval by bootstrap is not
    drawn anew. All pools are one batch of fits, but for profile likelihood intervals. A multilevel model is fitted
    once for each value, with the rows and columns of V that are left; its tau2 is the variance of true
    effects, all random effects together (NaN where it differs between inner levels), and its Q that of the
    residuals about V alone.

    The conclusion changes where the interval of the rest holds no difference and that of all studies does not, or
    the other way round, or where it lies on the other side. With three studies the rest are two, whose
    Hartung-Knapp interval is so wide that this means little.

    References
    ----------
    Viechtbauer W, Cheung MWL (2010). Outlier and influence diagnostics for meta-analysis. Res Synth Methods
    1:112-125. doi:10.1002/jrsm.11

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import leave_one_out
    >>> pooled = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.09, 0.05, 0.04, 0.07, 0.11])
    >>> left = leave_one_out(pooled)
    >>> left.estimate.round(2).tolist(), left.decisive
    ([-0.47, -0.65, -0.57, -0.66, -0.54], ('Study 3', 'Study 5'))
    """
    if isinstance(fit, Multilevel):
        return _without_clusters(fit, by)
    fit = pool_of(fit, "leave_one_out", least=_LEAST)
    labels, mask = _parts(fit.rows, by)
    found = refits(fit, fit.yi, fit.vi, mask=mask)
    notes = []
    if fit.prediction_method == "bootstrap":
        notes.append("prediction intervals by bootstrap are not drawn anew")
    return _result(fit, by, labels, found, tuple(notes))


def _parts(rows: pd.DataFrame, by: str | None) -> tuple[tuple[str, ...], AnyArray]:
    """Names of what is left out, and which rows are left, shape (n, k)."""
    if by is None:
        return tuple(map(str, rows["label"])), ~np.eye(len(rows), dtype=np.bool_)
    columns = [name for name in rows.columns if isinstance(name, str)]
    if by not in columns:
        raise column_error(str(by), columns)
    values, missing = moderator(rows, by, as_levels=True)
    if missing.any():
        raise ModelError(
            f"{by!r} is missing in {name_rows(rows, np.flatnonzero(missing).tolist())}; fill it in, or leave studies "
            "out one by one"
        )
    labels = tuple(dict.fromkeys(values.tolist()))
    if len(labels) < _LEAST:
        raise ModelError(
            f"leave_one_out() needs {_LEAST} values of {by!r} or more; there are {len(labels)}: "
            f"{', '.join(labels)}; subgroups() compares them"
        )
    return labels, np.array([values != label for label in labels])


def _without_clusters(fit: Multilevel, by: str | None) -> LeaveOneOut:
    if not fit.design.intercept or fit.beta.size > 1:
        raise ModelError(
            "leave_one_out() takes a multilevel model of one mean; this one has moderators: "
            f'{fit.moderators}; fit it with moderators="1"'
        )
    column = fit.cluster if by is None else by
    if column is None:
        raise ModelError(
            'the random effects do not say what is left out together; name a column, as in by="study_id"'
        )
    labels, mask = _parts(fit.rows, column)
    found, failures = refit_multilevel(fit, labels, mask)
    return _result(fit, column, labels, found, failures, asked=by)


def _result(
    fit: Pooled | Multilevel,
    by: str | None,
    labels: tuple[str, ...],
    found: Refits,
    notes: tuple[str, ...],
    *,
    asked: str | None = None,
) -> LeaveOneOut:
    few = int(found.k.min())
    if isinstance(fit, Pooled) and few < _LEAST:
        what = plural(few, "study", "studies")
        notes = (
            *notes,
            f"a pool of {what} says little by itself: do not read a change of conclusion as a finding",
        )
    if not np.isfinite(found.estimate).all() and isinstance(fit, Pooled):
        notes = (*notes, "some pools could not be computed: without a study the numbers lie too far apart")
    return LeaveOneOut(
        labels=labels,
        whole=Whole.of(fit),
        notes=notes,
        provenance=fit.provenance.after(("leave_one_out", {"by": by if isinstance(fit, Pooled) else asked})),
        by=by,
        **{name: getattr(found, name) for name in NUMBERS},
    )
