"""Your own table: read it, check it, mend it, pool it.

Takes the header of the packaged data set, so that the example runs anywhere; replace it by your file.
"""

import tempfile
from pathlib import Path

import ketameta as km
from ketameta.evidence import load_trials, read_trials

# A user's table: two rows of the packaged trials and one with a typing slip (a standard error entered as an SD).
packaged = load_trials()
mine = packaged[
    packaged["record_id"].isin(packaged["record_id"][packaged["study_id"].isin(["lii2023", "murrough2013"])])
]
mine = mine[
    (mine["outcome"] == "depression") & (mine["time_hours"] == 24) & (mine["status"] == "include")
].copy()
mine.loc[mine.index[0], "sd_t"] = 0.256

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my_trials.csv"
    mine.to_csv(path, index=False)
    table = read_trials(path)

    checked = km.check_trials(table)
    print(checked)

# Mend the cell and go on.
table.loc[table.index[0], "sd_t"] = float(
    packaged.loc[packaged["record_id"] == table["record_id"].iloc[0], "sd_t"].iloc[0]
)
fit = km.pool(km.effect_sizes(table, measure="SMD"))
print(fit)

# Bare numbers work too.
print(km.pool(yi=[-0.6, -0.3, -0.9], vi=[0.05, 0.04, 0.10]))
