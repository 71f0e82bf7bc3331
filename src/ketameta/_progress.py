"""How far long work has come, as a bar on standard error."""

from __future__ import annotations

import sys
import time

__all__ = ["Bar"]

_QUIET_SECONDS = 1.0
_PAUSE = 0.2
_WIDTH = 30


class Bar:
    """A bar that is drawn when work lasts longer than a second, and told how much of a total is done.

    Parameters
    ----------
    what : str
        Name of the work, such as ``"permutation test"``.
    total : int
        How much there is to do.
    shown : bool
        Whether to draw at all.
    """

    def __init__(self, what: str, total: int, shown: bool) -> None:
        self.what, self.total, self.shown = what, max(total, 1), shown
        self.start = time.perf_counter()
        self.last = self.start + _QUIET_SECONDS - _PAUSE
        self.drawn = False

    def __call__(self, done: int) -> None:
        """Say how much is done; the last call ends the line."""
        now, ended = time.perf_counter(), done >= self.total
        if not self.shown or (now - self.last < _PAUSE and not (ended and self.drawn)):
            return
        self.last, self.drawn = now, True
        share = min(done / self.total, 1.0)
        full = "#" * round(share * _WIDTH)
        text = (
            f"{self.what} [{full:<{_WIDTH}}] {100 * share:3.0f}% of {self.total:,}, {now - self.start:.0f} s"
        )
        print(f"\r{text}", end="\n" if ended else "", file=sys.stderr, flush=True)
