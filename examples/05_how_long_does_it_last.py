"""How long does it last? Single doses, repeated doses, suicidal ideation, PTSD, responders, relapse.

Each question gets the curve that its trials can carry, what it owes to single trials and to trials that stop measuring, and
the published time courses beside it. Where the trials carry no curve, the message says why.
"""

from pathlib import Path

import pandas as pd

import ketameta as km
from ketameta import curves
from ketameta.errors import KetametaError
from ketameta.plots import save

ADULTS = ["MDD", "TRD", "MDD with suicidal ideation"]
CONTROLS = ["inactive", "psychoactive"]
SMALL = -0.24  # the difference below which an SMD of depression is often called unimportant; choose your own

trials = km.load_trials()
out = Path("out")
out.mkdir(exist_ok=True)


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


heading("Major depression, a single dose")
single = km.select(
    trials, indication="MDD", outcome="depression", dosing="single", comparator=CONTROLS, population=ADULTS
)
curve = km.durability(km.effect_sizes(single, measure="SMD"))
print(curve)
print(curve.time_to(SMALL))
print(curve.effect_days(until=7))
print("\nShare of new trials whose true effect is beyond", SMALL)
print(curve.share_beyond(SMALL, days=[1, 3, 7]).to_string(index=False))

heading("Is it decay, or do trials stop measuring?")
print(curve.same_trials(early=(18, 36), late=(120, 216)))
print(curve.leave_one_out())

heading("Does the shape of the curve matter?")
print(curves.compare(km.effect_sizes(single, measure="SMD")))

heading("Major depression, repeated doses")
repeated = km.select(
    trials, indication="MDD", outcome="depression", dosing="repeated", comparator=CONTROLS, population=ADULTS
)
under_treatment = km.durability(km.effect_sizes(repeated, measure="SMD"))
print(under_treatment)

heading("Beside published time courses")
published = pd.read_csv(Path(__file__).resolve().parents[1] / "data" / "published.csv", dtype=str)
pools = published[(published["outcome"] == "depression") & published["time_hours"].notna()]
pools = pools[pools["measure"].isin(["SMD", "Hedges g", "Cohen d"])].astype({"time_hours": float})
first, last = curve.time_range
pools = pools[pools["time_hours"].between(first, last)].sort_values("time_hours")
pools["here"] = curve.at(hours=pools["time_hours"])["estimate"].round(2).to_numpy()
columns = ["review", "time_label", "measure", "estimate", "favours", "here"]
print(pools[columns].to_string(index=False))
print(
    "Signs are as printed; most of these pools hold trials whose numbers could not be read, see missing.csv."
)

for question, indication, outcome, measure in (
    ("Suicidal ideation", ["MDD", "BD", "PTSD", "SI"], "suicidal_ideation", "SMD"),
    ("PTSD", ["PTSD"], "ptsd", "SMD"),
):
    heading(question)
    chosen = km.select(
        trials,
        indication=indication,
        outcome=outcome,
        dosing="single",
        comparator=CONTROLS,
        setting=["treatment", "psychotherapy adjunct"],
    )
    try:
        print(km.durability(km.effect_sizes(chosen, measure=measure)))
    except KetametaError as error:
        print("No curve:", error)

heading("Responders after a single dose, in each arm")
responders = km.select(
    trials, indication="MDD", outcome="response", dosing="single", comparator=CONTROLS, population=ADULTS
)
shares = curves.responding(responders)
print(shares)

heading("Relapse when esketamine is withdrawn")
relapses = km.select(trials, indication="MDD", outcome="relapse", dosing="maintenance")
hazards = km.effect_sizes(relapses, measure="HR")
print(km.pool(hazards))
remission = hazards[hazards["study_id"].str.endswith("stable_remission")]
print(curves.relapse(remission))

save(km.timecourse({"single dose": curve, "repeated doses": under_treatment}), out / "example_how_long")
print("\nFigure written to", out / "example_how_long.png")
