"""The paper prints X: which effect comes out, what was recovered for it, and when there is none?

The rows are those of the packaged trials, named by their record_id. Where no trial prints a statistic, it is made from a
row that prints means and SDs, rounded as a paper would, so that the answer is known.
"""

import textwrap
import warnings

import numpy as np
import pandas as pd
from scipy import stats

import ketameta as km
from ketameta import effects
from ketameta.effects import EffectOptions

trials = km.load_trials().set_index("record_id", drop=False)


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


def take(*records, **cells):
    """Rows by record_id; the cells that are given replace those of the rows."""
    return pd.DataFrame(trials.loc[list(records)]).assign(**cells)


def line(text, indent):
    print(textwrap.fill(text, 112, initial_indent=" " * indent, subsequent_indent=" " * (indent + 4)))


def show(rows, said="", **choices):
    """Print each effect with what was recovered for it, or the reason why there is none."""
    if said:
        line(said, 0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = km.effect_sizes(rows, **choices)
    for row in table.itertuples():
        name = f"log {row.measure}" if row.measure in ("OR", "HR") else row.measure
        number = f"{name} {row.yi:.3f} (SE {row.sei:.3f})" if not row.reason else "no effect"
        line(f"{row.label} [{row.record_id}]: {number}", 2)
        words = {
            "unit:": row.standardiser,
            "recovered:": row.imputed,
            "shared arm:": row.shared,
            "note:": row.effect_notes,
            "reason:": row.reason,
        }
        for word, text in words.items():
            if text:
                line(f"{word} {text}", 6)
    for warning in caught:
        line(f"Warning: {warning.message}", 2)
    return table


NO_SD = {"sd_t": np.nan, "sd_c": np.nan}

title("1. Means and SDs")
one = trials.loc["KM0026"]
show(take("KM0026"), "The plain case: 47 people and 25, change in MADRS at 24 hours.")
show(take("KM0007"), "Endpoint scores.")

title("2. Means and standard errors")
show(take("KM0127"), "The standard errors that the paper prints.")
show(
    take(
        "KM0026",
        **NO_SD,
        se_t=round(one["sd_t"] / np.sqrt(one["n_t"]), 2),
        se_c=round(one["sd_c"] / np.sqrt(one["n_c"]), 2),
    ),
    "The trial of section 1, its SDs made standard errors with two decimals: the same effect, to rounding.",
)

title("3. Means and confidence intervals")
half = {a: one[f"sd_{a}"] / np.sqrt(one[f"n_{a}"]) * stats.t.ppf(0.975, one[f"n_{a}"] - 1) for a in "tc"}
bounds = {f"ci_low_{a}": round(one[f"mean_{a}"] - half[a], 2) for a in "tc"}
bounds |= {f"ci_high_{a}": round(one[f"mean_{a}"] + half[a], 2) for a in "tc"}
show(
    take("KM0026", **NO_SD, **bounds),
    "The same trial, its SDs made 95% intervals. State ci_level if 95 is wrong.",
)
adolescents = trials.loc["KM0285"]
low, high, n = (adolescents[name] for name in ("ci_low_t", "ci_high_t", "n_t"))
line(
    f"Intervals are read with t. Dwyer 2021 prints {low} to {high} (n = {n:g}) and the SD {adolescents['sd_t']}: t gives "
    f"{effects.sd_from_ci(low, high, n):.2f}, the normal quantile {effects.sd_from_ci(low, high, n, distribution='z'):.2f}. "
    "That interval was computed with 1.96; a printed SD is always taken first.",
    0,
)

title("4. t, F and P of the difference of two means")
show(take("KM0026", **NO_SD, adjusted=False), "F(1, 70) as the abstract prints it, without the SDs.")
show(
    take("KM0105", contrast_se=np.nan, contrast_ci_low=np.nan, contrast_ci_high=np.nan),
    f"A difference with t alone; the paper prints its SE as well, {trials.loc['KM0105', 'contrast_se']}.",
    measure="MD",
)
show(
    take("KM0026", **NO_SD, adjusted=False, contrast_stat="", contrast_p="0.0028"),
    "An exact P value (that of F).",
)
show(
    take("KM0026", **NO_SD, adjusted=False, contrast_stat=""),
    "The P that is printed: an inequality gives nothing.",
)

title("5. Medians and quartiles")
five = {}
for arm in "tc":
    mean, sd = one[f"mean_{arm}"], one[f"sd_{arm}"]
    five |= {
        f"median_{arm}": mean,
        f"q1_{arm}": round(mean - 0.6745 * sd, 1),
        f"q3_{arm}": round(mean + 0.6745 * sd, 1),
    }
NO_MEANS = {**NO_SD, "mean_t": np.nan, "mean_c": np.nan}
show(
    take("KM0026", **NO_MEANS, **five, contrast_stat=""),
    "The quartiles of a normal sample with the means and SDs of section 1: nearly the same effect.",
)
skewed = {**five, "q3_t": 5.0}
show(take("KM0026", **NO_MEANS, **skewed, contrast_stat=""), "One quartile moved to 5: skewed, and refused.")

title("6. Changes whose SDs are not printed")
baseline, change, end = (trials.loc[name] for name in ("KM0374", "KM0375", "KM0376"))
show(take("KM0375"), "Chen 2023 prints the SDs of changes.")
r = {
    arm: effects.correlation_from_sds(baseline[f"sd_{arm}"], end[f"sd_{arm}"], change[f"sd_{arm}"])
    for arm in "tc"
}
line(f"With those at baseline and end they give the correlation: {r['t']:.2f} and {r['c']:.2f}.", 0)
sds = {f"baseline_sd_{a}": baseline[f"sd_{a}"] for a in "tc"} | {
    f"endpoint_sd_{a}": end[f"sd_{a}"] for a in "tc"
}
without = take("KM0375", **NO_SD, **sds, contrast_measure=None)
show(without, "Without the SDs of changes nothing is assumed,")
show(without, "unless a correlation is given.", options=EffectOptions(r_change=0.4))

title("7. Adjusted differences")
arms = take("KM0218", mean_t=np.nan, mean_c=np.nan)
show(arms, "Least-squares difference with interval, beside the arms' SDs.")
show(take("KM0119"), "The same without SDs: an adjusted SE is smaller than the SD says, and is not made one.")
show(take("KM0119"), "As a mean difference it is complete.", measure="MD")
show(
    take("KM0119"),
    "For an SMD, an SD can be stated: here that of changes in section 1.",
    options=EffectOptions(reference_sd={"MADRS": 10.97}),
)

title("8. Percentages and counts")
percentages = {"events_t": np.nan, "events_c": np.nan, "percent_t": "55%", "percent_c": "30%"}
show(take("KM0199", **percentages), "55% and 30% of 40 are whole numbers of people.", measure="OR")
printed = {"events_c": np.nan, "total_c": 79, "percent_c": "9.0%"}
show(take("KM0342", **printed), "9.0% of 79, as a registry prints it, is none.", measure="OR")
show(take("KM0214"), "Nobody in one arm: 0.5 is added to the cells,", measure="OR")
show(take("KM0214"), "or none is needed.", measure="AS")
show(take("KM0053"), "Nobody in either arm.", measure="OR")

title("9. Crossover trials")
show(take("KM0285"), "Both SDs and the interval of the paired difference: the correlation follows.")
show(take("KM0001"), "No such statistic: r is assumed, and its effect on the SE said.")
show(take("KM0001"), "As parallel groups, which is conservative:", crossover="parallel")
show(take("KM0001"), "First periods alone, where periods carry over:", crossover="first")
show(take("KM0052"), "A paired difference and its interval hold r and the SD in one number.")
show(take("KM0052", correlation=0.5), "With r stated:")
show(take("KM0285", washout_days=4), "Four days between the doses (14 in truth) would be warned of:")

title("10. Hazard ratios")
show(take("KM0211", "KM0213"), "With their intervals.", measure="HR")
show(take("KM0496"), "With P < 0.001 alone.", measure="HR")

title("11. Several doses, one placebo arm")
doses = take("KM0218", "KM0228")
show(doses, "Combined, the default:")
show(doses, "Placebo split:", shared="split")
kept = show(doses, "Kept, with their covariance:", shared="keep")
v = effects.covariance(kept)
print(f"  V = {np.array2string(v.matrix, precision=4, prefix='  V = ')}")
line(v.account["account"].iloc[0], 6)

title("12. Several times of the same people")
times = show(take("KM0395", "KM0396", "KM0397"), shared="keep")
v = effects.covariance(times)
print(f"  V = {np.array2string(v.matrix, precision=4, prefix='  V = ')}")
line(v.account["account"].iloc[0], 6)

title("13. Changes beside endpoint scores")
show(take("KM0026", "KM0007"), "Two trials, two units: a warning names the rows.")
both = effects.attach_baseline(take("KM0375", "KM0007"), pd.DataFrame(trials))
show(both, "The SD at baseline is one unit for both.", standardiser="baseline")
