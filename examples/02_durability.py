"""How long does a single dose last?

A curve through the times that each trial measured, its half-life, and how much rests on an assumption.
"""

from pathlib import Path

import ketameta as km
from ketameta.plots import save

trials = km.load_trials()
single = km.select(
    trials,
    indication="MDD",
    outcome="depression",
    dosing="single",
    comparator=["inactive", "psychoactive"],
)
effects = km.effect_sizes(single.rows, measure="SMD")

curve = km.durability(effects)
print(curve)
print(curve.at(days=[1, 3, 7]))
print("Half-life:", curve.half_life)
print("Time until the effect is smaller than 0.24:", curve.time_to(-0.24))

# No trial prints the correlation of its own effects over time: what if it were lower or higher?
print(curve.sensitivity())

out = Path("out")
out.mkdir(exist_ok=True)
save(km.timecourse(curve), out / "example_timecourse")
print("Figure written to", out / "example_timecourse.png")
