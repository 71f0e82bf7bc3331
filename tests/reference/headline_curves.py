"""Write headline_curves.csv: every curve of the evidence report at its own measured times.

Run in this folder after a change whose reason stands in CHANGELOG.md: python headline_curves.py
"""

from pathlib import Path

import pandas as pd

from ketameta.evidence import load_trials
from ketameta.reporting.analysis import run_curves

FIELDS = ["time_hours", "estimate", "ci_low", "ci_high", "pi_low", "pi_high"]


def main() -> None:
    tables = []
    for result in run_curves(load_trials(), lambda _: None):
        for curve in result.curves:
            hours = sorted({float(hours) for hours in curve.rows["time_hours"]})
            at = curve.at(hours=hours)[FIELDS]
            tables.append(at.assign(key=result.key, curve=curve.curve)[["key", "curve", *FIELDS]])
    pd.concat(tables).to_csv(
        Path(__file__).with_name("headline_curves.csv"), index=False, float_format="%.10g"
    )


if __name__ == "__main__":
    main()
