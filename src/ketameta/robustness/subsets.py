"""GOSH: the pooled effect and its heterogeneity in all subsets of studies, or in a million random ones."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ketameta._progress import Bar
from ketameta._render import plural
from ketameta._typing import AnyArray, Array, ArrayLike, Rng
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models import Pooled, pool
from ketameta.models.kernel import METHODS
from ketameta.models.kernel import fit as fit_kernel
from ketameta.robustness._asked import choice, pool_of, whole
from ketameta.robustness._cautions import ENOUGH
from ketameta.robustness._membership import drawn, numbered, unpacked
from ketameta.robustness._running import run
from ketameta.robustness._splitting import SHARES, splits_of, splitter_of
from ketameta.robustness.gosh_result import Gosh

__all__ = ["gosh"]

MOST = 1_000_000
_CEILING = 100_000_000
_CHUNK = 2**17
_CHUNK_NUMBERS = 2**23


def gosh(
    fit: Pooled | None = None,
    *,
    yi: ArrayLike | None = None,
    vi: ArrayLike | None = None,
    tau2: str | None = None,
    subsets: int | None = None,
    rng: Rng = 1,
    workers: int = 1,
    progress: bool = True,
) -> Gosh:
    """Pool every subset of two or more studies, and name the study that splits them.

    Parameters
    ----------
    fit : Pooled, optional
        Result of :func:`ketameta.pool` of two studies or more.
    yi, vi : array_like, shape (k,), optional
        Effects and sampling variances in its place; ratios as natural logs.
    tau2 : str, optional
        Estimator of the between-study variance; by default that of ``fit``, or REML for arrays.
    subsets : int, optional
        At most so many subsets, a million by default. Where there are no more than that, 2^k - k - 1, all are
        looked at (k <= 19 by default), else so many random ones.
    rng : int, numpy.random.Generator or None
        Seed or generator of the random subsets; not used where all are looked at. A seed gives the same subsets
        again; None does not.
    workers : int
        Processes that share the work; -1 takes all processors. The result does not hang on it.
    progress : bool
        Whether to tell on standard error how far long work (beyond a second) has come.

    Returns
    -------
    Gosh
        ``k, estimate, tau2, i2`` of each subset, and a row a study that compares the subsets with and without it.

    Raises
    ------
    ModelError
        Neither a fit nor arrays, or both; fewer than two studies; an unknown option.

    Notes
    -----
    Subsets are numbered in binary: the first study is the lowest digit. Random subsets are independent draws,
    each of the 2^k - k - 1 equally likely (every study is in or out with probability 1/2; draws of fewer than
    two studies are drawn again), so that a subset can come up twice; most hold about k / 2 studies. Each subset
    is fitted anew, tau2 included.

    A study's share of the variance of the estimates is the squared correlation of the estimate with its
    membership, ``p (1 - p) (with - without)^2 / variance``, where p is the share of subsets that hold it, and
    with and without are mean estimates; likewise for I2. Membership is nearly uncorrelated between studies,
    so the shares of the estimates add up to about 1. A study *splits* the subsets when its share of the
    variance of the estimates, or else of I2, is the largest and above one half: two normal clouds of one
    spread and equal weight have two peaks exactly when their means lie more than two standard deviations
    apart (Schilling et al. 2002), which is a share of one half. Where two studies lie apart in the same way,
    neither may reach it: read the table, not only the name. Simulated pools of normal effects without outliers
    (vi 0.03 to 0.2, tau2 0 to 0.16, DL) show how often chance does the same: among seven studies in a third of
    pools, so that none is named among fewer than ten; among 10 to 16 in at most a tenth by the estimates, and in
    an eighth to a third by I2, which is therefore said with a caution.

    Subsets share studies. Their spread is no confidence interval, and no test is made of it.

    References
    ----------
    Olkin I, Dahabreh IJ, Trikalinos TA (2012). GOSH - a graphical display of study heterogeneity. Res Synth
    Methods 3:214-223. doi:10.1002/jrsm.1053

    Schilling MF, Watkins AE, Watkins W (2002). Is human height bimodal? Am Stat 56:223-229.
    doi:10.1198/00031300265

    Examples
    --------
    >>> from ketameta.robustness import gosh
    >>> yi = [-0.6, -0.5, -0.7, -0.4, -0.6, -0.3, -0.8, -0.5, -0.6, -2.9]
    >>> found = gosh(yi=yi, vi=[0.05, 0.04, 0.06, 0.05, 0.03, 0.05, 0.07, 0.04, 0.06, 0.05])
    >>> found.n_subsets, found.all_of_them, found.splitter
    (1013, True, 'Study 10')
    """
    source = _source(fit, yi, vi, tau2)
    method = source.tau2_method if tau2 is None else choice("tau2", tau2, METHODS)
    most = MOST if subsets is None else whole("subsets", subsets, 1, _CEILING)
    total = 2**source.k - source.k - 1
    all_of_them = total <= most
    n = total if all_of_them else most
    parts = _parts(source.k, n, all_of_them, rng)
    sizes = [part.count for part in parts]
    bar = Bar("subsets", sum(sizes), progress)
    fitted = partial(_fit_part, source.yi, source.vi, method)
    found = run(fitted, parts, workers=workers, bar=bar, sizes=sizes)
    members, k, estimate, spread, i2 = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("members", "k", "estimate", "tau2", "i2")
    )
    every = fit_kernel(source.yi, source.vi, tau2=method, weights=False)
    labels = tuple(str(label) for label in source.rows["label"])
    table = splits_of(members, estimate, i2, labels)
    arguments = {"tau2": tau2, "subsets": subsets, "rng": rng}
    return Gosh(
        fit=source,
        tau2_method=method,
        all_of_them=all_of_them,
        k=k,
        estimate=estimate,
        tau2=spread,
        i2=i2,
        estimate_all=float(every.beta[0]),
        tau2_all=float(every.tau2),
        i2_all=float(every.i2),
        packed=members,
        table=table,
        notes=_notes(source, n, all_of_them, estimate, table),
        provenance=source.provenance.after(("gosh", arguments)),
    )


def _source(fit: Pooled | None, yi: ArrayLike | None, vi: ArrayLike | None, tau2: str | None) -> Pooled:
    """The pool whose studies are taken."""
    if fit is not None:
        if yi is not None or vi is not None:
            raise ModelError("gosh() takes the result of pool() or yi and vi, not both")
        return pool_of(fit, "gosh")
    if yi is None or vi is None:
        raise ModelError("gosh() takes the result of pool(), or both yi and vi")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return pool_of(pool(yi=yi, vi=vi, tau2="REML" if tau2 is None else tau2, ci="Wald"), "gosh")


@dataclass(frozen=True, slots=True)
class _Part:
    """Subsets that are fitted together.

    Where all are looked at, those of the binary numbers from ``start`` on; else random ones of that ``seed``.
    """

    start: int
    count: int
    seed: np.random.SeedSequence | None


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """What came of them; ``members`` as bits, the first study lowest, shape (n, ceil(k / 8))."""

    members: AnyArray
    k: Array
    estimate: Array
    tau2: Array
    i2: Array


def _parts(k: int, n: int, all_of_them: bool, rng: Rng) -> list[_Part]:
    """The work in parts whose size hangs on the number of studies alone."""
    size = max(1, min(_CHUNK, _CHUNK_NUMBERS // k))
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ModelError(f"rng={rng!r} must be a seed, a numpy Generator or None") from None
    end = 2**k if all_of_them else n
    starts = range(0, end, size)
    seeds: list[Any] = [None] * len(starts)
    if not all_of_them:
        seeds = list(np.random.SeedSequence(int(generator.integers(2**63))).spawn(len(starts)))
    return [_Part(start, min(size, end - start), seed) for start, seed in zip(starts, seeds, strict=True)]


def _fit_part(yi: Array, vi: Array, method: str, part: _Part) -> _Fitted:
    """Fit the subsets of one part."""
    k = yi.size
    if part.seed is None:
        members = numbered(part.start, part.start + part.count, k)
    else:
        members = drawn(part.count, k, np.random.default_rng(part.seed))
    mask = unpacked(members, k)
    fits = fit_kernel(yi, vi, mask=mask, tau2=method, weights=False)
    return _Fitted(members, fits.k, fits.beta[:, 0], fits.tau2, fits.i2)


def _notes(
    source: Pooled, n: int, all_of_them: bool, estimate: Array, table: pd.DataFrame
) -> tuple[str, ...]:
    found = ["subsets share studies, so their spread is neither a confidence interval nor a test"]
    if not all_of_them:
        found.append(f"{n:,} random subsets, drawn with replacement out of 2^{source.k} - {source.k + 1}")
    if source.k < ENOUGH:
        found.append(
            f"not to be relied on with {plural(source.k, 'study', 'studies')}: with fewer than {ENOUGH} one of "
            "them often explains most of the spread by chance, so none is named"
        )
    failed = int(np.isnan(estimate).sum())
    if failed:
        found.append(
            f"{plural(failed, 'subset')} could not be fitted, the numbers lie too far apart; they are left out"
        )
    splitting = splitter_of(table)
    if splitting:
        label = table["label"].iloc[splitting[0]]
        found.append(
            f"pool without {label} too, and look for what sets it apart; "
            "that it lies apart is no reason by itself to leave it out"
        )
    if splitting and splitting[1] != SHARES[0]:
        found.append(f"{label} splits I2, not the estimates; the former comes about by chance more often")
    return tuple(found)
