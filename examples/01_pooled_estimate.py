"""How well does ketamine work for depression one day after the first dose?

From the packaged trials to a pooled estimate, by class of comparator, and a forest plot.
"""

from pathlib import Path

import ketameta as km
from ketameta.plots import save

trials = km.load_trials()

# Which rows may be pooled, what was left out, and why.
day1 = km.select(
    trials, indication="MDD", outcome="depression", hours=(18, 36), comparator=["inactive", "psychoactive"]
)
print(day1)

# Hedges' g for every trial; dose arms that share one placebo arm are combined.
effects = km.effect_sizes(day1.rows, measure="SMD")
print(effects[["label", "yi", "vi", "imputed", "reason"]].to_string(index=False))

# Random effects: REML, Hartung-Knapp interval, prediction interval.
fit = km.pool(effects)
print(fit)

# The same by comparator: saline and nasal placebo do not hide who got ketamine, midazolam hides it better.
print(km.subgroups(effects, "comparator_class"))

out = Path("out")
out.mkdir(exist_ok=True)
save(km.forest(fit), out / "example_forest")
print("Figure written to", out / "example_forest.png")
