"""What stands behind a pooled result."""

from __future__ import annotations

import pandas as pd

from ketameta.models._studies import Studies
from ketameta.provenance import Provenance, trace

__all__ = ["Source"]


class Source:
    """The studies behind a result, which nobody else changes; frames and hash are made when asked for."""

    __slots__ = ("_left_out", "_provenance", "_rows", "studies")

    def __init__(self, studies: Studies) -> None:
        self.studies = studies
        self._rows: pd.DataFrame | None = None
        self._left_out: pd.DataFrame | None = None
        self._provenance: Provenance | None = None

    def rows(self) -> pd.DataFrame:
        """The rows used, a copy for the reader."""
        if self._rows is None:
            self._rows = self.studies.rows.copy()
        return self._rows

    def left_out(self) -> pd.DataFrame:
        """The rows without an effect, a copy for the reader."""
        if self._left_out is None:
            self._left_out = self.studies.left_out.copy()
        return self._left_out

    def provenance(self) -> Provenance:
        """Data set, rows and software."""
        if self._provenance is None:
            self._provenance = trace(self.studies.rows, self.studies.asked)
        return self._provenance
