"""Sampling covariance V of a table of effect sizes: one block a trial, and an account of each."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, number, plural
from ketameta._typing import Array
from ketameta.effects._account import account
from ketameta.effects._arms import Indices
from ketameta.effects._blocks import Assumed, matrices
from ketameta.effects._naming import describe
from ketameta.effects._samples import Samples, read_samples, trial_names
from ketameta.effects._sheet import Sheet
from ketameta.effects.correlation import DAY, WEEK, time_correlation
from ketameta.errors import DataError, EffectError
from ketameta.provenance import Provenance, trace

__all__ = ["Samples", "SamplingCovariance", "covariance", "read_samples", "sampling_blocks", "trial_names"]

_SHOWN = 12
_LARGEST = 2_000_000_000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SamplingCovariance(Shown):
    """Sampling covariance of effects, block-diagonal by trial.

    Attributes
    ----------
    trials : tuple of str
        Names of the k trials, in order of appearance.
    blocks : tuple of numpy.ndarray, each shape (m, m)
        Covariance matrix of the effects of each trial, positive definite.
    positions : tuple of numpy.ndarray of int, each shape (m,)
        Which of ``rows`` the block is about.
    measure : str
        Effect measure; empty when the table does not say.
    rho : float
        Assumed correlation of a person's outcome between 24 hours and 7 days.
    correlation : str
        How it fades with distance in time.
    between : float
        Assumed correlation between different outcomes of a person at one time.
    rows, left_out : pandas.DataFrame
        Rows with an effect, in the order of ``matrix``; rows without one, with their ``reason``.
    account : pandas.DataFrame
        One row a trial: ``trial``, ``rows``, ``formula``, ``smallest_eigenvalue`` (of the correlation
        matrix), ``account`` (what was done and what was assumed, in words).
    provenance : Provenance
        Data set, rows and software.
    """

    trials: tuple[str, ...]
    blocks: tuple[Array, ...]
    positions: tuple[Indices, ...]
    measure: str
    rho: float
    correlation: str
    between: float
    rows: pd.DataFrame
    left_out: pd.DataFrame
    account: pd.DataFrame
    provenance: Provenance

    @property
    def matrix(self) -> Array:
        """The whole matrix, shape (n, n), in the order of ``rows``.

        Raises
        ------
        EffectError
            If it would take more than 2 GB; work with ``blocks`` and ``positions`` then.
        """
        n = len(self.rows)
        if 8 * n * n > _LARGEST:
            raise EffectError(
                f"the matrix of {n} effects takes {8 * n * n / 1e9:.1f} GB; work with blocks and positions, "
                f"which take {sum(block.nbytes for block in self.blocks) / 1e6:.1f} MB"
            )
        full = np.zeros((n, n))
        for at, block in zip(self.positions, self.blocks, strict=True):
            full[np.ix_(at, at)] = block
        return full

    @property
    def dependent(self) -> int:
        """How many trials have effects that are correlated."""
        return sum(bool(np.count_nonzero(block) > len(block)) for block in self.blocks)

    def to_frame(self) -> pd.DataFrame:
        """One row for each pair of effects of a trial: ``trial``, ``i``, ``j``, ``covariance``, ``correlation``.

        ``i <= j`` are labels of the index of ``rows``.
        """
        index = self.rows.index
        found: list[tuple[Indices, Indices, Indices, Array, Array]] = []
        by_size: dict[int, list[int]] = {}
        for one, rows in enumerate(self.positions):
            by_size.setdefault(len(rows), []).append(one)
        for m, trials in by_size.items():
            i, j = np.triu_indices(m)
            at, blocks = (
                np.stack([self.positions[k] for k in trials]),
                np.stack([self.blocks[k] for k in trials]),
            )
            root = np.sqrt(np.diagonal(blocks, axis1=1, axis2=2))
            pairs = blocks[:, i, j]
            many = np.repeat(np.array(trials, dtype=np.intp), len(i))
            r = pairs / (root[:, i] * root[:, j])
            found.append((many, at[:, i].ravel(), at[:, j].ravel(), pairs.ravel(), r.ravel()))
        trial, first, second, covariances, correlations = (
            np.concatenate(part) for part in zip(*found, strict=True)
        )
        order = np.argsort(trial, kind="stable")
        return pd.DataFrame(
            {
                "trial": np.array(self.trials, dtype=object)[trial[order]],
                "i": index[first[order]],
                "j": index[second[order]],
                "covariance": covariances[order],
                "correlation": correlations[order],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold."""
        trials = zip(
            self.account.to_dict("records"),
            (at.tolist() for at in self.positions),
            (block.tolist() for block in self.blocks),
            strict=True,
        )
        return {
            "measure": self.measure,
            "rho": self.rho,
            "correlation": self.correlation,
            "between": self.between,
            "trials": [record | {"positions": at, "covariance": block} for record, at, block in trials],
            "left_out": len(self.left_out),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """What the matrix rests on, as a sentence of a methods section."""
        start = f"{plural(len(self.rows), 'effect')} of {plural(len(self.trials), 'trial')}"
        if not self.dependent:
            return f"{start}; no two effects come from the same people."
        return (
            f"{start}; those of {plural(self.dependent, 'trial')} are correlated by sampling, with an assumed correlation of "
            f"{self.rho:g} between 24 h and 7 d ({self.correlation}) and {self.between:g} between outcomes."
        )

    def _card(self) -> Card:
        several = self.account[self.account["rows"] > 1]
        rows = tuple(
            (name, str(count), number(smallest, 3), said)
            for name, count, _, smallest, said in several.head(_SHOWN).itertuples(index=False, name=None)
        )
        notes = []
        if len(several) > _SHOWN:
            notes.append(f"{len(several) - _SHOWN} further trials with several rows stand in .account")
        if len(self.left_out):
            notes.append(f"left out for want of an effect, and listed in left_out: {len(self.left_out)}")
        return Card(
            "Sampling covariance",
            ("Trial", "Rows", "Smallest eigenvalue of correlations", "What was done"),
            rows,
            tuple(notes),
            (self.sentence(), self.provenance.line()),
        )


def covariance(
    es: pd.DataFrame, *, rho: float = 0.6, correlation: str = "log-time", between: float = 0.6
) -> SamplingCovariance:
    """Sampling covariance of effects that partly come from the same people.

    Parameters
    ----------
    es : pandas.DataFrame
        Effects as :func:`ketameta.effects.effect_sizes` gives them: ``yi``, ``vi`` and ``cohort_id`` (or
        ``study_id``); further columns are used where present. Rows with a ``reason`` are left out.
    rho : float
        Assumed correlation of a person's outcome between 24 hours and 7 days, 0 <= rho < 1.
    correlation : {"log-time", "days", "constant"}
        How it fades with distance in time; see :func:`ketameta.effects.time_correlation`.
    between : float
        Assumed correlation, 0 to 1, of a person's different outcomes (another outcome, instrument or
        definition) at one time; at two times it is multiplied by the correlation over time.

    Returns
    -------
    SamplingCovariance
        Blocks, dense ``.matrix``, and ``.account`` of what was done for each trial.

    Raises
    ------
    EffectError
        If rows are one measurement twice, a block is not positive definite, measures are mixed, or an
        argument is out of range; the message names rows and remedy.
    DataError
        If ``yi``, ``vi``, or both ``cohort_id`` and ``study_id`` are missing as columns.

    Notes
    -----
    Trials (``cohort_id``, or ``study_id`` where empty) are independent. Within one, rows share the treatment arm
    if they have a ``study_id`` in common (" + " joins those of a combined row) and no other drug, dose or route.
    Two ids of one comparator arm are two reports of one arm if drug, dose and route agree, the dose is
    given, and the ids do not begin alike (up to "_"); an id with a part "pooled" holds the arms that begin
    alike. Rows share the comparator arm if they have the same ``comparator_arm_id`` (the same treatment arm where
    one is empty). ``account`` names what the table left open.

    A block is ``r_ij sqrt(v_i v_j)`` with the table's own ``vi`` and the correlation of the measure's exact
    formula (:func:`smd_covariance` by the ``standardiser`` of the rows, :func:`md_covariance`,
    :func:`counts_covariance`), so that it is that formula wherever ``vi`` is. An SD at baseline is common to
    the effects that share its arms. If a trial's rows do not all have the numbers, or the standardiser is not
    known, ``r`` comes from the arm sizes alone; if they do not all have sizes either, arms count as equally
    large. There, effects that share one arm at one time have no covariance that would give one of them a
    negative weight. For counts ``rho`` is the phi coefficient, no larger than the two proportions allow
    (0.5 added to the cells of tables with a zero).

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.effects import covariance
    >>> es = pd.DataFrame(
    ...     {
    ...         "study_id": ["a_56mg", "a_84mg", "b"],
    ...         "cohort_id": ["a", "a", "b"],
    ...         "comparator_arm_id": ["a:placebo", "a:placebo", "b:placebo"],
    ...         "time_hours": 24.0,
    ...         "measure": "MD",
    ...         "yi": [-4.1, -3.2, -2.0],
    ...         "vi": [2.25, 2.25, 1.5],
    ...         "sd_t": 5.0,
    ...         "sd_c": 5.0,
    ...         "n_t": [20, 20, 30],
    ...         "n_c": [25, 25, 30],
    ...     }
    ... )
    >>> v = covariance(es)
    >>> v.matrix.tolist()
    [[2.25, 1.0, 0.0], [1.0, 2.25, 0.0], [0.0, 0.0, 1.5]]
    >>> v.account["account"].tolist()
    ['2 treatment arms share a comparator; exact formula of the MD, from arm SDs and sizes', \
'single row: nothing to do']
    """
    assumed = _assumed(rho, correlation, between)
    rows, left_out = _rows(es)
    samples = read_samples(rows)
    found = matrices(samples, assumed)
    blocks: list[Array] = [np.empty((0, 0))] * len(samples.trials)
    positions: list[Indices] = [np.empty(0, dtype=np.intp)] * len(samples.trials)
    for part in found:
        for trial, v, at in zip(part.batch.trials.tolist(), part.v, part.batch.rows, strict=True):
            blocks[trial], positions[trial] = v, at
    return SamplingCovariance(
        trials=samples.trials,
        blocks=tuple(blocks),
        positions=tuple(positions),
        measure=samples.measure,
        rho=assumed.rho,
        correlation=assumed.correlation,
        between=assumed.between,
        rows=rows,
        left_out=left_out,
        account=account(samples, found, assumed),
        provenance=trace(rows, ("covariance", {"rho": rho, "correlation": correlation, "between": between})),
    )


def sampling_blocks(samples: Samples, *, rho: float, correlation: str, between: float) -> list[Array]:
    """Covariance matrices of rows that were read before, trial by trial.

    For whoever needs the matrices at several assumed correlations; see :func:`covariance`.
    """
    blocks: list[Array] = [np.empty((0, 0))] * len(samples.trials)
    for part in matrices(samples, _assumed(rho, correlation, between)):
        for trial, v in zip(part.batch.trials.tolist(), part.v, strict=True):
            blocks[trial] = v
    return blocks


def _assumed(rho: float, correlation: str, between: float) -> Assumed:
    time_correlation([DAY, WEEK], rho=rho, correlation=correlation)
    if isinstance(between, bool) or not isinstance(between, Real) or not 0 <= between <= 1:
        raise EffectError(
            f"between={between!r} must be a number from 0 to 1: the correlation between outcomes."
        )
    return Assumed(float(rho), correlation, float(between))


def _rows(es: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with an effect, and rows left out for a reason."""
    if not isinstance(es, pd.DataFrame):
        raise EffectError(f"covariance needs a DataFrame of effect sizes, not {type(es).__name__}")
    if es.columns.nlevels > 1:
        raise DataError(f"the columns have {es.columns.nlevels} levels; one level of names is needed")
    missing = [name for name in ("yi", "vi") if name not in es.columns]
    if "cohort_id" not in es.columns and "study_id" not in es.columns:
        missing.append("cohort_id (or study_id)")
    if missing:
        raise DataError(f"the table lacks {', '.join(missing)}; effect_sizes() gives yi and vi")
    twice = sorted({str(name) for name in es.columns[es.columns.duplicated()]})
    if twice:
        raise DataError(f"column {', '.join(twice)} stands more than once in the table")
    excluded = np.asarray(Sheet(es).text("reason") != "", dtype=np.bool_)
    rows = es.loc[~excluded]
    if rows.empty:
        raise EffectError(f"none of the {len(es)} rows has an effect")
    sheet = Sheet(rows)
    for name in ("yi", "vi"):
        values = sheet.number(name)
        good = np.isfinite(values) & ((values > 0) | (name == "yi"))
        if not good.all():
            rule = "a finite number" + (" above zero" if name == "vi" else "")
            raise EffectError(f"{name} must be {rule}; not so in {describe(rows, np.flatnonzero(~good))}")
    return rows, es.loc[excluded]
