"""What is read from a multiverse: importance of choices, published results, words."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.evidence import load_published
from ketameta.robustness import multiverse
from ketameta.robustness._universe_variance import choice_shares
from ketameta.robustness.multiverse_result import Multiverse

CHOICES: dict[str, Any] = {
    "drug": (None, "esketamine"),
    "comparator": (("inactive", "psychoactive"), "inactive", "psychoactive"),
    "window": ((18, 36, 24), (2, 6, 4)),
    "tau2": ("REML", "DL", "EE"),
    "ci": ("HKSJ", "Wald"),
}


@pytest.fixture(scope="module")
def result() -> Multiverse:
    return multiverse(
        km.load_trials(), {"indication": "MDD", "outcome": "depression"}, CHOICES, progress=False
    )


def residual(values: Any, codes: Any, kept: list[int], sizes: tuple[int, ...]) -> float:
    """Residual sum of squares of least squares on indicators, by a dense design."""
    columns = [np.ones(len(values))]
    columns += [(codes[:, j] == level).astype(float) for j in kept for level in range(1, sizes[j])]
    design = np.column_stack(columns)
    found = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return float(np.square(values - found).sum())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_importance_against_dense_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = (3, 2, 4, 1)
    codes = np.array(list(itertools.product(*map(range, sizes))))
    codes = codes[rng.random(len(codes)) < (1.0 if seed == 0 else 0.7)]
    values = rng.normal(size=len(codes)) + codes[:, 0] + 0.5 * codes[:, 0] * codes[:, 2] - 4
    alone, others, together = choice_shares(values, codes, sizes)
    total = np.square(values - values.mean()).sum()
    every = [0, 1, 2, 3]
    assert together == pytest.approx(1 - residual(values, codes, every, sizes) / total, rel=1e-9)
    for j in every:
        rest = [i for i in every if i != j]
        added = residual(values, codes, rest, sizes) - residual(values, codes, every, sizes)
        assert others[j] == pytest.approx(added / total, abs=1e-10)
        assert alone[j] == pytest.approx(1 - residual(values, codes, [j], sizes) / total, abs=1e-10)
    if seed == 0:
        np.testing.assert_allclose(alone, others, atol=1e-10)
        assert alone.sum() == pytest.approx(together)


def test_values_that_do_not_differ_have_no_shares() -> None:
    codes = np.array([[0], [1], [0]])
    alone, others, together = choice_shares(np.full(3, -0.1), codes, (2,))
    assert np.isnan([*alone, *others, together]).all()


def test_importance_of_a_multiverse(result: Multiverse) -> None:
    table = result.importance()
    assert sorted(table["choice"]) == sorted([*CHOICES, "interactions"])
    assert table["choice"].iloc[-1] == "interactions"
    assert table["alone"].iloc[:-1].is_monotonic_decreasing
    frame = result.to_frame().dropna(subset="estimate")
    means = frame.groupby("window", observed=True)["estimate"].mean()
    row = table.set_index("choice").loc["window"]
    assert (row["lowest"], row["highest"]) == pytest.approx((means.min(), means.max()))
    assert table.set_index("choice").loc["ci", "alone"] == 0


def test_the_nearest_universe_by_looking_at_all(result: Multiverse) -> None:
    found = result.nearest()
    frame = result.to_frame()
    published = load_published().set_index("pub_id")
    row = found.set_index("pub_id").loc["cochrane2021unipolar-04"]
    printed = published.loc["cochrane2021unipolar-04"]
    assert row["matched"] == "window, drug, comparator"
    same = frame.loc[
        (frame["comparator"] == "psychoactive") & (frame["window"] == "18 to 36 h") & (frame["drug"] == "any")
    ].dropna(subset="estimate")
    gaps = [same[name] - printed[name] for name in ("estimate", "ci_low", "ci_high")]
    distance = np.sqrt(np.mean(np.square(gaps), axis=0))
    assert row["candidates"] == len(same)
    assert row["distance"] == pytest.approx(distance.min())
    assert row["estimate"] == frame["estimate"][row["universe"]]
    assert row["comparator"] == "psychoactive"
    assert found["distance"].is_monotonic_increasing


def test_signs_are_turned_and_other_questions_left_out(result: Multiverse) -> None:
    found = result.nearest().set_index("pub_id")
    published = load_published().set_index("pub_id")
    turned = [name for name in found.index if published.loc[name, "favours"] == "positive favours ketamine"]
    assert turned
    for name in turned:
        assert found.loc[name, "published"] == -published.loc[name, "estimate"]
        assert found.loc[name, "published_low"] == -published.loc[name, "ci_high"]
    assert not any("ECT" in text for text in found["comparison"])
    assert set(published.loc[found.index, "outcome"]) == {"depression"}
    assert found["time_hours"].between(2, 36).all()


def test_ratios_are_held_against_logs() -> None:
    asked = {"indication": "MDD", "outcome": "response", "measure": "OR"}
    ratios = multiverse(
        km.load_trials(), asked, {"window": ((18, 36, 24),), "tau2": ("REML", "DL")}, progress=False
    )
    found = ratios.nearest().set_index("pub_id")
    printed = load_published().set_index("pub_id").loc["cochrane2021unipolar-02"]
    assert found.loc["cochrane2021unipolar-02", "published"] == pytest.approx(np.log(printed["estimate"]))


def test_a_table_without_matches_gives_no_rows(result: Multiverse) -> None:
    none = load_published().assign(outcome="weather")
    assert len(result.nearest(none)) == 0
    with pytest.raises(ModelError, match="no column favours"):
        result.nearest(load_published().drop(columns="favours"))
    with pytest.raises(ModelError, match="a table such as that of load_published"):
        result.nearest(5)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="estimate, ci_low, ci_high, time_hours must hold numbers"):
        result.nearest(load_published().assign(estimate="half"))


def test_a_table_with_missing_cells_of_any_kind_is_read(result: Multiverse) -> None:
    published = load_published()
    as_objects = published.astype(object).where(published.notna(), None)
    assert len(result.nearest(as_objects)) == len(result.nearest(published)) > 0


def test_words(result: Multiverse) -> None:
    sentence = result.sentence()
    assert f"Over {result.n_possible:,} universes" in sentence
    assert "were beyond −0.24" in sentence
    text = str(result)
    assert "main analysis" in text
    assert "a share of them is not a probability" in text
    assert "Cuijpers et al. 2014" in text
    assert str(result.share(below=0)).count("not a probability") == 1
    assert "<table>" in result._repr_html_()


def test_a_minimal_important_difference_of_ones_own() -> None:
    asked = {"indication": "MDD", "outcome": "depression", "hours": (18, 36)}
    found = multiverse(km.load_trials(), asked, {"tau2": ("REML", "DL")}, mid=-0.5, progress=False)
    assert (found.mid, found.mid_source) == (-0.5, "as given")
    assert found.to_dict()["shares"][1]["value"] == -0.5
    other = multiverse(km.load_trials(), asked, {"tau2": ("REML", "DL")}, mid=0.5, progress=False)
    assert len(other.to_dict()["shares"]) == 1


def test_frame_has_a_column_a_choice(result: Multiverse) -> None:
    frame = result.to_frame()
    assert list(frame.columns[:5]) == ["drug", "comparator", "window", "tau2_method", "ci_method"]
    assert list(frame["tau2_method"].cat.categories) == ["REML", "DL", "EE"]
    assert (frame.loc[frame["tau2_method"] == "EE", "tau2"].dropna() == 0).all()


def test_words_count_analyses_too(result: Multiverse) -> None:
    share = result.share(below=0)
    assert result.n_analyses == share.n_distinct < result.n_possible
    assert (
        f"({result.n_analyses:,} distinct analyses of {result.n_distinct} sets of effects)"
        in result.sentence()
    )
    assert "of the distinct analyses" in result.sentence()
    found = result.to_dict()
    assert found["n_analyses"] == result.n_analyses
    assert found["shares"][0]["ci_distinct"] == share.ci_distinct
    assert "spreads by choice overlap" in str(result)


def test_one_universe_is_not_several() -> None:
    asked = {"indication": "MDD", "outcome": "depression", "hours": (18, 36)}
    one = multiverse(km.load_trials(), asked, {"tau2": ("REML",)}, progress=False)
    assert one.sentence().startswith("Over 1 universe (1 distinct analysis of 1 set of effects) ")
    assert "of the distinct analyses" not in one.sentence()
    assert one.share(below=0).sentence().startswith("Of 1 universe ")
    assert one.method.startswith("Multiverse of 1 universe:")


def test_a_minimal_difference_with_the_wrong_sign_is_said() -> None:
    asked = {"indication": "MDD", "outcome": "depression", "hours": (18, 36)}
    found = multiverse(km.load_trials(), asked, {"tau2": ("REML",)}, mid=0.24, progress=False)
    assert "0.24: as given; most estimates lie on the other side of no difference" in str(found)


def test_additive_values_leave_exactly_nothing_to_interactions() -> None:
    codes = np.array(list(itertools.product(range(2), range(3), range(2))))
    for seed in range(50):
        parts = np.random.default_rng(seed).normal(size=(3, 3))
        values = parts[0][codes[:, 0]] + parts[1][codes[:, 1]] + parts[2][codes[:, 2]]
        assert choice_shares(values, codes, (2, 3, 2))[2] == 1.0
