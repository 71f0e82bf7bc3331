"""Rows that share one comparator arm: combined, split or kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import ketameta as km
from ketameta import effects
from ketameta.effects.combining import shared_correlation

KEYS = {
    "comparator_arm_id": "baker2002:placebo",
    "outcome": "depression",
    "instrument": "MADRS",
    "time_hours": 24.0,
    "score_type": "change",
}
CONTROL = {"n_c": 17, "mean_c": -6.0, "sd_c": 8.0}
ARMS = [
    {"n_t": 15, "mean_t": -12.0, "sd_t": 9.0},
    {"n_t": 24, "mean_t": -15.0, "sd_t": 7.0},
    {"n_t": 9, "mean_t": -9.0, "sd_t": 10.0},
]
DOSES = ("28mg", "56mg", "84mg")


def frame(arms: list[dict[str, Any]], **common: Any) -> pd.DataFrame:
    rows = []
    for i, arm in enumerate(arms):
        named = {"record_id": f"KM{i + 1}", "study_id": f"baker2002_{DOSES[i]}", "dose": DOSES[i][:2]}
        rows.append({**named, **KEYS, **CONTROL, **arm, **common})
    return pd.DataFrame(rows)


def sizes(table: pd.DataFrame, **arguments: Any) -> pd.DataFrame:
    result = km.effect_sizes(table, **arguments)
    assert ((result["reason"] == "") == result["yi"].notna()).all()
    return result


def test_combine_arms_is_what_the_participants_together_have() -> None:
    rng = np.random.default_rng(17)
    groups = [rng.normal(mean, sd, n) for mean, sd, n in ((-12, 9, 15), (-15, 7, 24), (-9, 10, 9))]
    everybody = np.concatenate(groups)
    arm = effects.combine_arms(
        [g.size for g in groups], [g.mean() for g in groups], [g.std(ddof=1) for g in groups]
    )
    assert arm.n == everybody.size
    assert arm.mean == pytest.approx(everybody.mean(), rel=1e-13)
    assert arm.sd == pytest.approx(everybody.std(ddof=1), rel=1e-13)
    control = rng.normal(-6, 8, 17)
    arms = [{"n_t": g.size, "mean_t": g.mean(), "sd_t": g.std(ddof=1)} for g in groups]
    table = frame(arms, mean_c=control.mean(), sd_c=control.std(ddof=1))
    row = sizes(table).iloc[0]
    whole = [x for g in (everybody, control) for x in (g.mean(), g.std(ddof=1), g.size)]
    assert row["yi"] == pytest.approx(float(effects.smd(*whole).yi), rel=1e-12)
    assert row["vi"] == pytest.approx(float(effects.smd(*whole).vi), rel=1e-12)


def test_combined_formula_of_the_handbook_for_two_groups() -> None:
    """Cochrane Handbook 6.5.2.10: the SD of two groups together, written out."""
    (n1, m1, s1), (n2, m2, s2) = (15, -12.0, 9.0), (24, -15.0, 7.0)
    inner = (n1 - 1) * s1**2 + (n2 - 1) * s2**2 + n1 * n2 / (n1 + n2) * (m1**2 + m2**2 - 2 * m1 * m2)
    assert effects.combine_arms([n1, n2], [m1, m2], [s1, s2]).sd == pytest.approx(
        np.sqrt(inner / (n1 + n2 - 1)), rel=1e-14
    )


def test_a_combined_row() -> None:
    other = {**KEYS, **CONTROL, **ARMS[0], "record_id": "KM9", "study_id": "crane2003"}
    other["comparator_arm_id"] = "crane2003:placebo"
    table = pd.concat([frame(ARMS), pd.DataFrame([other])], ignore_index=True)
    table["trial_name"], table["blinding"] = "TRIAL", ["double", "double", "single", "double"]
    table["adjusted"] = [True, False, True, True]
    result = sizes(table)
    assert result["record_id"].tolist() == ["KM1+KM2+KM3", "KM9"]
    assert result["label"].tolist() == ["Baker 2002", "Crane 2003"]
    assert result["shared"].tolist() == ["combined 3 arms", ""]
    assert list(result.index) == [0, 3]
    first = result.iloc[0]
    assert first["effect_notes"] == "KM1 + KM2 + KM3: treatment arms combined (Cochrane Handbook 6.5.2.10)"
    assert (first["n_t"], first["n_c"]) == (48, 17)
    assert first["mean_t"] == pytest.approx((15 * -12 + 24 * -15 + 9 * -9) / 48, rel=1e-14)
    assert (first["trial_name"], first["blinding"]) == ("TRIAL", "double + single")
    assert first["dose"] == "28 + 56 + 84"
    assert first["adjusted"] is None
    written = [first[name] for name in ("mean_t", "sd_t", "n_t", "mean_c", "sd_c", "n_c")]
    assert first["yi"] == pytest.approx(float(effects.smd(*written).yi), rel=1e-14)
    alone = km.effect_sizes(table.iloc[[3]])
    assert result["yi"].iloc[1] == alone["yi"].iloc[0]


def test_whole_number_columns_are_not_truncated() -> None:
    arms = [{"n_t": 15, "mean_t": -12, "sd_t": 9}, {"n_t": 24, "mean_t": -15, "sd_t": 7}]
    for table in (frame(arms), frame(arms).convert_dtypes()):
        row = sizes(table).iloc[0]
        assert row["mean_t"] == pytest.approx((15 * -12 + 24 * -15) / 39, rel=1e-14)


def test_recovered_sds_are_combined_and_flagged() -> None:
    arms = [{"n_t": a["n_t"], "mean_t": a["mean_t"], "se_t": a["sd_t"] / np.sqrt(a["n_t"])} for a in ARMS]
    arms = [{**arm, "sd_t": None} for arm in arms]
    row, printed = sizes(frame(arms)).iloc[0], sizes(frame(ARMS)).iloc[0]
    assert row["yi"] == pytest.approx(printed["yi"], rel=1e-12)
    assert row["imputed"] == "sd_t = se_t * sqrt(n_t)"
    assert np.isnan(row["se_t"])


def test_counts_are_summed() -> None:
    counts = {"score_type": "counts", "outcome": "response", "events_c": 3, "total_c": 17}
    table = frame([{"events_t": e, "total_t": n} for e, n in ((6, 15), (0, 24), (4, 9))], **counts)
    row = sizes(table, measure="OR").iloc[0]
    expected = effects.log_or(10, 48, 3, 17)
    assert row["yi"] == pytest.approx(float(expected.yi), rel=1e-14)
    assert (row["events_t"], row["total_t"], row["events_c"]) == (10, 48, 3)
    assert "0.5 added" not in row["effect_notes"]


def test_an_arm_without_events_is_not_lost_when_arms_are_combined() -> None:
    counts = {"score_type": "counts", "events_c": 0, "total_c": 17}
    table = frame([{"events_t": e, "total_t": n} for e, n in ((6, 15), (0, 24))], **counts)
    row = sizes(table, measure="RR").iloc[0]
    assert row["yi"] == pytest.approx(float(effects.log_rr(6, 39, 0, 17).yi), rel=1e-14)
    nobody = sizes(table.assign(events_t=0), measure="RR")
    assert len(nobody) == 1
    assert nobody["reason"].iloc[0] == "no events in either arm: the RR cannot be estimated"


def contrasts(measure: str = "LSMD", **common: Any) -> pd.DataFrame:
    arms = [
        {"n_t": n, "contrast_value": value, "contrast_se": se}
        for n, value, se in ((15, -6.0, 3.0), (24, -9.0, 2.5), (9, -3.0, 3.6))
    ]
    bare = {"mean_c": None, "sd_c": None, "mean_t": None, "score_type": "contrast", "adjusted": True}
    return frame(arms, **{**bare, "contrast_measure": measure, **common})


def test_contrasts_are_combined_by_generalised_least_squares() -> None:
    row = sizes(contrasts(), measure="MD").iloc[0]
    y, se, n = np.array([-6.0, -9.0, -3.0]), np.array([3.0, 2.5, 3.6]), np.array([15, 24, 9])
    covariance = np.diag(se**2)
    for i in range(3):
        for j in range(3):
            if i != j:
                covariance[i, j] = (
                    se[i] * se[j] * (1 / 17) / np.sqrt((1 / n[i] + 1 / 17) * (1 / n[j] + 1 / 17))
                )
    inverse = np.linalg.inv(covariance)
    assert row["yi"] == pytest.approx(inverse.sum(axis=0) @ y / inverse.sum(), rel=1e-12)
    assert row["vi"] == pytest.approx(1 / inverse.sum(), rel=1e-12)
    fit = sm.GLS(y, np.ones(3), sigma=covariance).fit()
    assert row["yi"] == pytest.approx(fit.params[0], rel=1e-10)
    assert "generalised least squares" in row["effect_notes"]
    assert row["shared"] == "combined 3 arms"
    assert row["n_t"] == 48
    assert np.isnan(row["contrast_value"])


def test_with_one_known_variance_gls_equals_pooling_the_participants() -> None:
    n, means, n_c, mean_c, sigma = np.array([15, 24, 9]), np.array([-12.0, -15.0, -9.0]), 17, -6.0, 8.0
    effect = effects.combine_contrasts(means - mean_c, sigma**2 * (1 / n + 1 / n_c), n, n_c)
    assert float(effect.yi) == pytest.approx((n * means).sum() / n.sum() - mean_c, rel=1e-12)
    assert float(effect.vi) == pytest.approx(sigma**2 * (1 / n.sum() + 1 / n_c), rel=1e-12)


def test_the_shared_correlation_is_that_of_simulated_trials() -> None:
    rng = np.random.default_rng(3)
    n, n_c, draws = np.array([12, 30]), 18, 40_000
    control = rng.normal(0, 1 / np.sqrt(n_c), draws)
    arms = rng.normal(0, 1 / np.sqrt(n), (draws, 2))
    seen = np.corrcoef((arms - control[:, None]).T)[0, 1]
    assert seen == pytest.approx(shared_correlation(n, n_c)[0, 1], abs=0.015)


def test_standardised_contrasts_share_too() -> None:
    table = contrasts(sd_t=8.0, sd_c=9.0)
    each = sizes(table, shared="keep")
    row = sizes(table).iloc[0]
    expected = effects.combine_contrasts(each["yi"], each["vi"], each["n_t"], 17)
    assert row["yi"] == pytest.approx(float(expected.yi), rel=1e-12)
    assert row["vi"] == pytest.approx(float(expected.vi), rel=1e-12)


@pytest.mark.parametrize("column", ["n_t", "n_c"])
def test_without_sizes_the_covariance_is_unknown(column: str) -> None:
    for shared in ("combine", "split"):
        result = sizes(contrasts(**{column: None}), measure="MD", shared=shared)
        assert len(result) == 3
        assert result["reason"].str.contains(f"{column} is missing, so their covariance is unknown").all()
    assert sizes(contrasts(**{column: None}), measure="MD", shared="keep")["reason"].eq("").all()


def test_split_means() -> None:
    result = sizes(frame(ARMS), shared="split")
    for (_, row), arm in zip(result.iterrows(), ARMS, strict=True):
        expected = effects.smd(arm["mean_t"], arm["sd_t"], arm["n_t"], -6.0, 8.0, 17 / 3)
        assert row["yi"] == pytest.approx(float(expected.yi), rel=1e-14)
        assert row["vi"] == pytest.approx(float(expected.vi), rel=1e-14)
        assert row["shared"] == "control split in 3"
        assert row["n_c"] == 17
    assert result["label"].tolist() == [f"Baker 2002 ({dose} mg)" for dose in (28, 56, 84)]


def test_split_counts_and_contrasts() -> None:
    counts = {"score_type": "counts", "events_c": 3, "total_c": 17}
    table = frame([{"events_t": 6, "total_t": 15}, {"events_t": 9, "total_t": 24}], **counts)
    result = sizes(table, measure="OR", shared="split")
    assert result["yi"].iloc[1] == pytest.approx(float(effects.log_or(9, 24, 1.5, 8.5).yi), rel=1e-14)
    split = sizes(contrasts(), measure="MD", shared="split")
    assert split["vi"].iloc[0] == pytest.approx(9 * (1 / 15 + 3 / 17) / (1 / 15 + 1 / 17), rel=1e-14)
    assert split["shared"].eq("control split in 3").all()


def test_a_control_too_small_to_split() -> None:
    result = sizes(frame(ARMS, n_c=3), shared="split")
    assert result["reason"].eq("n_c = 3 split in 3 leaves 1 people: too few; combine the arms").all()


def test_keep_leaves_the_rows_as_they_are() -> None:
    result = sizes(frame(ARMS), shared="keep")
    assert len(result) == 3
    assert result["shared"].eq("").all()


@pytest.mark.parametrize(
    "column", ["outcome", "instrument", "definition", "time_hours", "score_type", "comparator_arm_id"]
)
def test_only_like_is_combined_with_like(column: str) -> None:
    table = frame(ARMS[:2])
    table[column] = {
        "time_hours": [24.0, 168.0],
        "score_type": ["change", "endpoint"],
    }.get(column, ["one", "two"])
    assert len(sizes(table, measure="MD")) == 2
    table[column] = [None, None]
    assert len(sizes(table)) == (2 if column == "comparator_arm_id" else 1)


def test_differing_controls_are_refused() -> None:
    table = frame(ARMS)
    table.loc[1, "mean_c"] = -6.5
    for shared in ("combine", "split"):
        result = sizes(table, shared=shared)
        assert len(result) == 3
        said = "rows KM1, KM2, KM3 share a comparator arm: it has different values of mean_c (-6, -6.5, -6)"
        assert result["reason"].eq(said).all()


@pytest.mark.parametrize(("column", "value"), [("n_c", 18), ("mean_c", -5.0), ("sd_c", 8.5)])
def test_each_number_of_the_control_counts(column: str, value: float) -> None:
    table = frame(ARMS)
    table.loc[2, column] = value
    assert sizes(table)["reason"].str.contains(f"different values of {column}").all()


@pytest.mark.parametrize(("column", "value"), [("events_c", 4), ("total_c", 18)])
def test_each_count_of_the_control_counts(column: str, value: int) -> None:
    table = frame(
        [{"events_t": 6, "total_t": 15}, {"events_t": 9, "total_t": 24}],
        score_type="counts",
        events_c=3,
        total_c=17,
    )
    table.loc[1, column] = value
    assert sizes(table, measure="OR")["reason"].str.contains(f"different values of {column}").all()


def test_statistics_of_single_arms_do_not_stay_in_a_combined_row() -> None:
    single = {"contrast_value": -5.0, "contrast_se": 2.0, "contrast_p": "0.01", "contrast_stat": "t = 2.5"}
    bounds = {
        "contrast_ci_low": -9.0,
        "contrast_ci_high": -1.0,
        "se_t": 2.0,
        "ci_low_t": -20.0,
        "ci_high_t": 0.0,
    }
    row = sizes(frame(ARMS, **single, **bounds)).iloc[0]
    assert row[[*single, *bounds]].isna().all()
    merged = sizes(contrasts(sd_t=8.0, sd_c=9.0, mean_t=-9.0, **single)).iloc[0]
    assert merged[[*single, "sd_t", "mean_t"]].isna().all()
    assert merged["sd_c"] == 9.0


def test_a_treatment_arm_that_stands_twice_is_refused() -> None:
    table = frame([ARMS[0], ARMS[1]]).assign(study_id="baker2002", dose="28")
    result = sizes(table)
    assert result["reason"].str.contains("one treatment arm stands there twice").all()
    labelled = sizes(table.assign(time_label=["day 1", "day 2"]))
    assert labelled["reason"].eq("").all()
    assert labelled["shared"].eq("").all()
    sets = sizes(table.assign(analysis_set=["ITT", "completers"]))
    assert sets["reason"].eq("").all()


def test_different_kinds_of_statistics_are_refused() -> None:
    table = frame(ARMS[:2], contrast_measure="MD", contrast_value=-5.0, contrast_se=2.0)
    table.loc[1, "sd_t"] = None
    result = sizes(table, measure="MD")
    assert result["reason"].str.contains("different kinds of statistics (arms, contrast)", regex=False).all()


def test_an_unusable_arm_leaves_the_others() -> None:
    table = frame(ARMS)
    table.loc[2, "sd_t"] = 0.0
    result = sizes(table)
    assert result["record_id"].tolist() == ["KM1+KM2", "KM3"]
    assert result["reason"].iloc[1].startswith("sd_t = 0")


def test_rows_that_stand_apart_do_not_join_those_included() -> None:
    table = frame(ARMS).assign(
        status=["include", "apart", "apart"], reason=["", "subset: dose", "subset: dose"]
    )
    result = sizes(table)
    assert result["record_id"].tolist() == ["KM1", "KM2+KM3"]
    assert result["effect_notes"].iloc[1].startswith("row stands apart: subset: dose; KM2 + KM3:")


def test_texts_are_joined_and_missing_ones_left_out() -> None:
    result = sizes(frame(ARMS).assign(notes=["first", None, "third"], source_kind="registry"))
    assert result["notes"].iloc[0] == "first + third"
    assert result["source_kind"].iloc[0] == "registry"


def test_contrasts_of_impossible_sizes_are_refused() -> None:
    result = sizes(contrasts(n_t=1e18, n_c=1), measure="MD")
    assert result["reason"].eq("the covariance matrix is singular: the arm sizes are too unequal").all()


def test_rows_without_ids_are_named_by_position() -> None:
    table = frame(ARMS).drop(columns=["record_id", "study_id", "dose"])
    row = sizes(table).iloc[0]
    assert row["effect_notes"].startswith("#1 + #2 + #3:")
    assert row["label"] == "Row 1 + Row 2 + Row 3"


def test_categories_and_repeated_index_labels_survive() -> None:
    table = frame(ARMS[:2]).astype({"dose": "category"})
    table.index = pd.Index([7, 7])
    result = sizes(table)
    assert list(result.index) == [7]
    assert result["dose"].iloc[0] == "28 + 56"
