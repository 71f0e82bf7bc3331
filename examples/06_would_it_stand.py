"""Would it stand? The effect of one dose on depression a day later, asked what a doubter asks.

Is it one trial, small studies, unblinding, trials that are missing, or a choice of method? Each question is one line, each
answer says when it should not be leaned on.
"""

from pathlib import Path

import ketameta as km
from ketameta import robustness
from ketameta.evidence import load_missing
from ketameta.plots import (
    gosh_plot,
    influence_plot,
    save,
    specification_curve,
    stepwise_plot,
    unblinding_plot,
)

ADULTS = ["MDD", "TRD", "MDD with suicidal ideation"]
SMALL = -0.24  # an SMD of depression that is often called the smallest that matters; choose your own

trials = km.load_trials()
out = Path("out")
out.mkdir(exist_ok=True)


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


day = km.select(
    trials,
    indication="MDD",
    outcome="depression",
    hours=(18, 36),
    at=24,
    dosing="single",
    comparator=["inactive", "psychoactive"],
    population=ADULTS,
)
fit = km.pool(km.effect_sizes(day, measure="SMD"))
print(fit)

heading("Is it one trial?")
left_out = km.leave_one_out(fit)
print(left_out)
by_year = km.cumulative(fit)
print(by_year.sentence())
influence = km.influence(fit)
print(influence)
subsets = km.gosh(fit)
print(subsets.sentence())

heading("Is it small studies?")
print(km.bias(fit))
stated = robustness.selection_model(fit, delta=(1, 0.25))
print("If results that are not significant were four times less likely to be seen:", stated.sentence())

heading("Is it unblinding?")
unblinding = robustness.unblinding(fit, threshold=SMALL)
print(unblinding)

heading("Is it what is missing?")
print(robustness.missing_evidence(fit, load_missing()))
rob_me = robustness.rob_me(
    trials,
    load_missing(),
    indication="MDD",
    outcomes=["depression", "response"],
    hours=(18, 36),
    dosing="single",
)
print(rob_me.sentence())

heading("Is it a choice of method?")
universes = km.multiverse(trials, {"indication": "MDD", "outcome": "depression"})
print(universes)
print(universes.share(below=SMALL))
print(universes.nearest().head(3).to_string(index=False))

for name, axes in {
    "left_out": stepwise_plot(left_out),
    "influence": influence_plot(influence),
    "subsets": gosh_plot(subsets),
    "funnel": km.funnel(
        fit,
        contours=True,
        fill=robustness.trim_and_fill(fit),
        limit=robustness.limit_meta_analysis(fit),
    ),
    "unblinding": unblinding_plot(unblinding),
    "specification_curve": specification_curve(universes),
}.items():
    save(axes, out / f"example_{name}")
print("\nFigures written to", out / "example_specification_curve.png", "and beside it")
