"""Your own table: read it, check it, mend it, pool it.

The table is made here from packaged rows, so that the example runs anywhere; read your own file instead.
"""

import tempfile
from pathlib import Path

import ketameta as km

# A user's table: one day after the first dose, with a slip: a standard error entered as a standard deviation.
trials = km.load_trials()
rows = km.select(
    trials, indication="MDD", outcome="depression", instrument="MADRS", hours=(18, 36), measure="SMD"
).rows
mine = rows.copy()
sound = mine["sd_t"].iloc[0]
mine.loc[mine.index[0], "sd_t"] = 0.256

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my_trials.csv"
    mine.to_csv(path, index=False)
    table = km.read_trials(path)

print(km.check_trials(table))

# Mend the cell that the check names, and go on.
table.loc[table.index[0], "sd_t"] = sound
fit = km.pool(km.effect_sizes(table, measure="SMD"))
print(fit)

# Bare numbers work too.
print(km.pool(yi=[-0.6, -0.3, -0.9], vi=[0.05, 0.04, 0.10]))
