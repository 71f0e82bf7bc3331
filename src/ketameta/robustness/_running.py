"""Parts of long work, one after the other or in parallel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, TypeVar

from ketameta._progress import Bar
from ketameta.errors import ModelError

__all__ = ["run"]

Part = TypeVar("Part")
Done = TypeVar("Done")


def run(
    function: Callable[[Part], Done],
    parts: Sequence[Part],
    *,
    workers: int = 1,
    bar: Bar | None = None,
    sizes: Sequence[int] | None = None,
) -> list[Done]:
    """Apply a function to each part, in order; the results do not hang on the number of workers.

    Parameters
    ----------
    function : callable
        A function of one part; with several workers, one that can be pickled.
    parts : sequence
        What it is applied to.
    workers : int
        1 works in this process; more go through joblib, -1 takes all processors. The backend is that of
        ``joblib.parallel_config``: processes by default, Dask or Ray where they are registered.
    bar : Bar, optional
        Hears how much is done, part by part in this process, and at the end with several workers.
    sizes : sequence of int, optional
        How much each part counts on the bar; 1 by default.

    Examples
    --------
    >>> from ketameta.robustness._running import run
    >>> run(abs, [-1, 2, -3])
    [1, 2, 3]
    """
    if isinstance(workers, bool) or not isinstance(workers, Integral) or workers == 0:
        raise ModelError(f"workers={workers!r} must be a whole number such as 4, or -1 for all processors")
    counts = [1] * len(parts) if sizes is None else list(sizes)
    if workers == 1:
        made, done = [], 0
        for part, count in zip(parts, counts, strict=True):
            made.append(function(part))
            done += count
            if bar is not None:
                bar(done)
        return made
    results = _joblib()(n_jobs=workers)(_delayed(function, part) for part in parts)
    if bar is not None:
        bar(sum(counts))
    return list(results)


def _joblib() -> Any:
    try:
        from joblib import Parallel
    except ImportError:
        raise ModelError(
            "several workers need joblib: pip install 'ketameta[parallel]', or leave workers out"
        ) from None
    return Parallel


def _delayed(function: Callable[..., Any], part: Any) -> Any:
    return function, (part,), {}
