"""The evidence map as files of the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ketameta.evidence.grid import in_use
from ketameta.reporting.figure_files import write_figure

__all__ = ["MAP", "write_map"]

MAP = "evidence_map"


def write_map(folder: Path, trials: pd.DataFrame) -> dict[str, tuple[Path, str]]:
    """Draw the evidence map; PNG, SVG and PDF.

    Parameters
    ----------
    folder : Path
        Folder of figures; it exists.
    trials : DataFrame
        Checked table in the form of ``trials.csv``.

    Returns
    -------
    dict
        ``"evidence_map"`` to the SVG file and its description; empty where no row counts.
    """
    if not in_use(trials).any():
        return {}
    from ketameta.plots import evidence_map

    return write_figure(folder, MAP, evidence_map(trials))
