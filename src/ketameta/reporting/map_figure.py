"""The evidence map as files of the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ketameta.evidence.grid import in_use

__all__ = ["write_map"]


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
    from matplotlib.pyplot import close

    from ketameta.plots import describe, evidence_map, save

    axes = evidence_map(trials)
    words = describe(axes)
    save(axes, folder / "evidence_map")
    close(axes.figure.canvas.figure)
    return {"evidence_map": (folder / "evidence_map.svg", words)}
