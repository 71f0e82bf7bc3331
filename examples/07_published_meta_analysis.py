"""A published meta-analysis again: do its numbers come out, which inputs are doubtful, and how much hangs on them?

The rows are those of Marchi et al. (2022), Frontiers in Neuroscience 16:1011103, doi 10.3389/fnins.2022.1011103:
ketamine or esketamine against a comparator, scores on depression scales. They are an exercise, not evidence: the
packaged trials were read from the trials' own reports.
"""

import textwrap
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import ketameta as km
from ketameta.effects import EffectOptions
from ketameta.plots import save

INPUTS = Path(__file__).resolve().parents[1] / "tests" / "evidence" / "data" / "marchi2022_depression.csv"
PRINTED = ("-0.61", "-1.06", "-0.16")
NUMBERS = {"Nt": "n_t", "Mt": "mean_t", "SDt": "sd_t", "Nc": "n_c", "Mc": "mean_c", "SDc": "sd_c"}


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


def say(text):
    print(textwrap.fill(text, 112, subsequent_indent="    "))


def pool(rows, **choices):
    effects = km.effect_sizes(rows, measure="SMD", options=EffectOptions(variance="UB"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", km.errors.KetametaWarning)
        return km.pool(effects, **choices)


# Their table as a table of trials, every row an endpoint score, as it was pooled.
given = pd.read_csv(INPUTS)
name = given["Author"].str.replace(r" et\.?( al\.)?", "", regex=True)
trials = given.rename(columns=NUMBERS)[list(NUMBERS.values())].assign(
    record_id=[f"KM{i + 1:04d}" for i in range(len(given))],
    study_id=name.str.replace(r"\W", "", regex=True),
    label=name,
    outcome="depression",
    instrument=given["Depre"].replace("HRSD", "HAM-D"),
    higher_is_worse=True,
    score_type="endpoint",
)

title("1. Does the printed result come out?")
published = pool(trials, tau2="DL", ci="Wald")
found = tuple(f"{x:.2f}" for x in (published.estimate, published.ci_low, published.ci_high))
say(
    f"Printed:  SMD {PRINTED[0]} [{PRINTED[1]}, {PRINTED[2]}], 17 trials, DerSimonian-Laird, exact Hedges' g."
)
say(f"Computed: SMD {found[0]} [{found[1]}, {found[2]}], {published.k} trials.")
say("Every printed digit comes out." if found == PRINTED else "The printed digits do not come out.")

title("2. Which inputs does check_trials doubt?")
problems = km.check_trials(trials).problems
doubts = problems[problems["column"].isin(NUMBERS.values())].merge(trials[["record_id", "label"]])
for label, rows in doubts.groupby("label", sort=False):
    cells = ", ".join(f"{row.column} = {row.value}" for row in rows.itertuples())
    say(f"{label}: {cells}: {rows['hint'].iloc[0]}")
doubted = trials["record_id"].isin(doubts["record_id"])
weights = published.weights[doubted.to_numpy()].sum()
say(f"These {doubted.sum()} of {len(trials)} trials carry {100 * weights:.0f}% of the weight.")

title("3. How does the answer move?")
impossible = trials["record_id"].isin(doubts.loc[doubts["rule"] != "sd-looks-like-se", "record_id"])
small = trials["record_id"].isin(doubts.loc[doubts["rule"] == "sd-looks-like-se", "record_id"])
taken = trials.copy()
for arm in "tc":
    taken.loc[small, f"sd_{arm}"] = trials[f"sd_{arm}"] * np.sqrt(trials[f"n_{arm}"])
tables = {
    "all, as published": trials,
    f"without the {doubted.sum()} doubted": trials[~doubted],
    f"{impossible.sum()} impossible out, {small.sum()} small SDs taken as SEs": taken[~impossible],
}
choices = {"DL, Wald": {"tau2": "DL", "ci": "Wald"}, "REML, HKSJ": {"tau2": "REML", "ci": "HKSJ"}}
fits = {(rows, how): pool(tables[rows], **choices[how]) for rows in tables for how in choices}
lines = [
    {
        "trials": rows,
        "method": how,
        "k": fit.k,
        "SMD": f"{fit.estimate:.2f}",
        "95% interval": f"{fit.ci_low:.2f} to {fit.ci_high:.2f}",
        "a new trial (95%)": f"{fit.pi_low:.2f} to {fit.pi_high:.2f}",
        "tau2": f"{fit.tau2:.2f}",
        "I2": f"{fit.i2:.0f}%",
    }
    for (rows, how), fit in fits.items()
]
print(pd.DataFrame(lines).to_string(index=False))

title("4. In words")
usual = fits["all, as published", "REML, HKSJ"]
clean = fits[f"without the {doubted.sum()} doubted", "REML, HKSJ"]
say(
    "The arithmetic of the paper can be repeated, but the result rests on its method and on a few rows. By REML with the "
    f"Hartung-Knapp interval the same numbers give {usual.estimate:.2f} [{usual.ci_low:.2f}, {usual.ci_high:.2f}], with "
    f"I2 = {usual.i2:.0f}%. Without the doubted rows that is {clean.estimate:.2f} [{clean.ci_low:.2f}, "
    f"{clean.ci_high:.2f}], with I2 = {clean.i2:.0f}%: most of the disagreement between trials came from those rows."
)
say(
    "A small standard deviation makes a large SMD: a standard error entered as one multiplies the effect of its trial "
    "by about the root of the arm's size. Leaving rows out is no correction: the trials' reports decide."
)

out = Path("out")
out.mkdir(exist_ok=True)
marked = trials.assign(label=name.where(~doubted, name + " (doubted)"))
save(km.forest(pool(marked, tau2="DL", ci="Wald")), out / "example_published")
print("Figure written to", out / "example_published.png")
