"""Steps of a long job, told on standard error."""

from __future__ import annotations

import sys
import time

__all__ = ["Progress"]


class Progress:
    """Counts steps on standard error."""

    def __init__(self, total: int, shown: bool) -> None:
        self.total, self.shown, self.done, self.start = total, shown, 0, time.perf_counter()

    def __call__(self, what: str) -> None:
        """Say what begins."""
        self.done += 1
        if self.shown:
            seconds = time.perf_counter() - self.start
            print(f"[{self.done:>3}/{self.total}] {seconds:5.1f} s  {what}", file=sys.stderr, flush=True)

    def more(self, steps: int) -> None:
        """Expect that many steps more."""
        self.total += steps
