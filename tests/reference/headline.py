"""Write headline_inputs.csv: effects and variances of every pool of the evidence report, for headline.R.

Run in this folder after a change whose reason stands in CHANGELOG.md: python headline.py, then Rscript headline.R
"""

from pathlib import Path

import pandas as pd

from ketameta.evidence import load_trials
from ketameta.reporting.analysis import run_windows


def main() -> None:
    tables = []
    for result in run_windows(load_trials(), lambda _: None):
        if result.fit is not None and result.is_pool:
            rows = {
                "key": result.key,
                "label": result.fit.rows["label"],
                "yi": result.fit.yi,
                "vi": result.fit.vi,
            }
            tables.append(pd.DataFrame(rows))
    pd.concat(tables).to_csv(
        Path(__file__).with_name("headline_inputs.csv"), index=False, float_format="%.17g"
    )


if __name__ == "__main__":
    main()
