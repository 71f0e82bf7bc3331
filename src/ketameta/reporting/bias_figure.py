"""Published judgements of risk of bias as files of the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ketameta.evidence import judgements, load_risk_of_bias
from ketameta.provenance import ATTRS_KEY
from ketameta.reporting.contents import is_own
from ketameta.reporting.figure_files import write_figure
from ketameta.reporting.page_words import cohort_names

__all__ = ["BIAS", "judged", "write_bias"]

BIAS = "risk_of_bias"


def judged(trials: pd.DataFrame) -> pd.DataFrame:
    """Judgements by RoB 1 of the trials of a table that may enter a pool, under the names that figures use.

    Returns
    -------
    DataFrame
        As :func:`ketameta.evidence.judgements`, in the order of the names; no rows where none was judged, or
        the table is its user's own, whose trials may be others under the same names.
    """
    names = cohort_names(trials)
    used = set() if is_own(trials) else set(trials.loc[trials["status"] == "include", "cohort_id"])
    table = judgements("RoB 1")
    table = table.loc[table["study"].isin(used)]
    shown = table["study"].map(names)
    table = table.assign(study=shown.where(~shown.duplicated(keep=False), table["study"]))
    table = table.sort_values("study", ignore_index=True)
    table.attrs[ATTRS_KEY] = load_risk_of_bias().attrs[ATTRS_KEY]
    return table


def write_bias(folder: Path, trials: pd.DataFrame) -> dict[str, tuple[Path, str]]:
    """Draw the traffic light of published judgements; PNG, SVG and PDF.

    Parameters
    ----------
    folder : Path
        Folder of figures; it exists.
    trials : DataFrame
        Checked table in the form of ``trials.csv``.

    Returns
    -------
    dict
        ``"risk_of_bias"`` to the SVG file and its description; empty where no trial of the table was judged.
    """
    table = judged(trials)
    if table.empty:
        return {}
    from ketameta.plots import rob_plot

    return write_figure(folder, BIAS, rob_plot(table, tool="RoB 1"))
