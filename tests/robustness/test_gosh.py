from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.robustness import Gosh, gosh
from ketameta.robustness._splitting import splits_of
from ketameta.robustness.subsets import _notes

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
EVERY = pd.read_csv(REFERENCE / "gosh.csv", dtype={"member": str})
SUMMARY = pd.read_csv(REFERENCE / "gosh_summary.csv")
QUANTILES = [name for name in SUMMARY if name.startswith("q")]


def data(name: str, most: int = 12) -> dict[str, np.ndarray]:
    rows = INPUTS[INPUTS["dataset"] == name].head(most)
    return {"yi": rows["yi"].to_numpy(), "vi": rows["vi"].to_numpy()}


def trials(k: int, seed: int = 3, outlier: float = 0.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    vi = rng.uniform(0.03, 0.2, k)
    yi = rng.normal(-0.5, np.sqrt(vi + 0.04))
    yi[2] -= outlier
    return {"yi": yi, "vi": vi}


def masks(found: Gosh) -> np.ndarray:
    return np.array([found.members(i) for i in range(found.n_subsets)])


@pytest.mark.parametrize(
    ("dataset", "method"), [*dict.fromkeys(zip(EVERY["dataset"], EVERY["method"], strict=True))]
)
def test_every_subset_equals_metafor(dataset: str, method: str) -> None:
    wanted = EVERY[(EVERY["dataset"] == dataset) & (EVERY["method"] == method)].set_index("member")
    found = gosh(**data(dataset), tau2=method)
    names = ["".join("01"[int(one)] for one in row) for row in masks(found)]
    assert sorted(names) == sorted(wanted.index)
    wanted = wanted.loc[names]
    for column in ("estimate", "tau2", "i2"):
        # REML of metafor stops at a step of 1e-12 of the mean variance, which is 1e-11 in I2 where tau2 is near 0.
        near = 1e-9 if method == "REML" else 1e-12
        np.testing.assert_allclose(
            getattr(found, column), wanted[column], rtol=1e-8, atol=near * wanted[column].abs().max()
        )


@pytest.mark.parametrize(
    ("dataset", "method"), [*dict.fromkeys(zip(SUMMARY["dataset"], SUMMARY["method"], strict=True))]
)
def test_sums_and_quantiles_equal_metafor(dataset: str, method: str) -> None:
    rows = SUMMARY[(SUMMARY["dataset"] == dataset) & (SUMMARY["method"] == method)]
    found = gosh(**data(dataset), tau2=method)
    for row in rows.to_dict(orient="records"):
        values = getattr(found, row["column"])
        assert (values.size, row["missing"]) == (row["n"], 0)
        assert values.sum() == pytest.approx(row["sum"], rel=1e-10, abs=1e-14)
        assert np.square(values).sum() == pytest.approx(row["squares"], rel=1e-10, abs=1e-14)
        at = [float(name[1:]) / 1000 for name in QUANTILES]
        wanted = [row[name] for name in QUANTILES]
        np.testing.assert_allclose(
            np.quantile(values, at), wanted, rtol=1e-8, atol=1e-9 * max(map(abs, wanted))
        )


@pytest.mark.parametrize("method", ["REML", "PM", "SJ", "GENQ"])
def test_subsets_are_those_that_pool_gives(method: str) -> None:
    numbers = trials(6)
    found = gosh(**numbers, tau2=method)
    assert found.n_subsets == 2**6 - 6 - 1
    assert len({tuple(row) for row in masks(found)}) == found.n_subsets
    for i in (0, 7, 23, 56):
        row = found.members(i)
        alone = km.pool(yi=numbers["yi"][row], vi=numbers["vi"][row], tau2=method, ci="Wald")
        assert (found.k[i], found.estimate[i], found.tau2[i]) == pytest.approx(
            (alone.k, alone.estimate, alone.tau2), rel=1e-9, abs=1e-12
        )
    whole = km.pool(**numbers, tau2=method, ci="Wald")
    assert (found.estimate_all, found.tau2_all, found.i2_all) == pytest.approx(
        (whole.estimate, whole.tau2, whole.i2), rel=1e-9
    )


def test_the_table_is_what_a_loop_over_subsets_gives() -> None:
    found = gosh(**trials(8))
    held = masks(found)
    table = found.to_frame()
    for i in range(8):
        row, inside = table.iloc[i], held[:, i]
        np.testing.assert_array_equal(found.holds(i), inside)
        assert row["n_with"] == inside.sum() == 2**7 - 1
        for column, name in (("estimate", "estimate"), ("i2", "i2")):
            values = getattr(found, name)
            assert row[f"{column}_with"] == pytest.approx(values[inside].mean(), rel=1e-12)
            assert row[f"{column}_without"] == pytest.approx(values[~inside].mean(), rel=1e-12)
        assert row["difference"] == pytest.approx(row["estimate_with"] - row["estimate_without"], rel=1e-12)
        assert row["share"] == pytest.approx(np.corrcoef(inside, found.estimate)[0, 1] ** 2, rel=1e-10)
        assert row["share_i2"] == pytest.approx(np.corrcoef(inside, found.i2)[0, 1] ** 2, rel=1e-10)


def test_a_share_of_one_half_is_where_two_clouds_begin_to_have_two_peaks() -> None:
    z = np.linspace(-6, 6, 24001)
    for apart, peaks in ((1.98, 1), (2.02, 2)):
        density = sum(np.exp(-0.5 * (z - side * apart / 2) ** 2) for side in (-1, 1))
        slopes = np.sign(np.diff(density))
        assert np.sum((slopes[:-1] > 0) & (slopes[1:] <= 0)) == peaks
        cloud = np.random.default_rng(1).normal(size=200_000)
        members = np.repeat(np.array([[3], [1]], dtype=np.uint8), 100_000, axis=0)
        values = (cloud - cloud.mean()) / cloud.std() + apart / 2 * np.repeat([1, -1], 100_000)
        share = splits_of(members, values, np.zeros(200_000), ("a", "b"))["share"][1]
        assert share == pytest.approx(apart**2 / 4 / (1 + apart**2 / 4), abs=0.005)


def test_an_outlier_is_named_and_chance_seldom_names() -> None:
    """Forty pools of ten studies each, with an effect three units off and without: a small simulation."""
    fit = {"tau2": "DL", "progress": False}
    outliers = [gosh(**trials(10, seed, outlier=3.0), **fit) for seed in range(40)]
    assert np.mean([found.splitter == "Study 3" for found in outliers]) >= 0.95
    plain = [gosh(**trials(10, seed), **fit) for seed in range(40)]
    assert np.mean([found.splitting == (at, "share") for found in plain for at in range(10)]) * 10 <= 0.2
    assert np.mean([found.splitter != "" for found in plain]) <= 0.5


def test_isis_4_splits_i2_of_the_magnesium_trials() -> None:
    found = gosh(**data("egger2001", 16))
    assert found.splitting == (15, "share_i2")
    assert "Study 16 splits I2 (mean" in found.sentence()
    assert any("splits I2, not the estimates" in note for note in found.notes)
    common = gosh(**data("egger2001", 16), tau2="EE")
    assert common.splitting == (15, "share")


def test_none_is_named_among_few() -> None:
    found = gosh(yi=[-0.6, -0.5, -0.7, -0.4, -2.9], vi=[0.05, 0.04, 0.06, 0.05, 0.05])
    assert found.to_frame()["share"].max() > 0.8
    assert found.splitter == ""
    assert "too few studies to name one that splits them (most with Study 5: 83%" in found.sentence()
    assert any("fewer than 10" in note for note in found.notes)


def test_random_subsets_are_the_same_whatever_the_workers() -> None:
    numbers = trials(25)
    one = gosh(**numbers, tau2="DL", subsets=140_000, rng=4)
    two = gosh(**numbers, tau2="DL", subsets=140_000, rng=np.random.default_rng(4), workers=2)
    for name in ("packed", "k", "estimate", "tau2", "i2"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    other = gosh(**numbers, tau2="DL", subsets=140_000, rng=5)
    assert np.mean(one.estimate == other.estimate) < 0.01


@pytest.mark.parametrize("k", [5, 8, 9, 16, 70])
def test_random_subsets_are_uniform(k: int) -> None:
    n = min(20_000, 2**k - k - 2)
    found = gosh(**trials(k), tau2="DL", subsets=n, rng=1)
    assert (found.n_subsets, found.all_of_them, found.packed.shape[1]) == (n, False, -(-k // 8))
    held = np.array([found.holds(i) for i in range(k)])
    np.testing.assert_array_equal(held.sum(axis=0), found.k)
    assert found.k.min() >= 2
    total = 2.0**k - k - 1
    share = (2.0 ** (k - 1) - 1) / total
    assert np.abs(held.mean(axis=1) - share).max() < 5 * np.sqrt(0.25 / n)
    together = (held[0] & held[k - 1]).mean()
    assert together == pytest.approx(2.0 ** (k - 2) / total, abs=5 * np.sqrt(0.2 / n))


def test_all_are_looked_at_where_there_are_no_more() -> None:
    numbers = trials(5)
    assert gosh(**numbers, subsets=26).all_of_them
    fewer = gosh(**numbers, subsets=25, rng=1)
    assert (fewer.n_subsets, fewer.all_of_them) == (25, False)
    assert any("random subsets" in note for note in fewer.notes)


def test_shift_scale_sign_and_order() -> None:
    numbers = trials(7)
    base = gosh(**numbers)
    moved = gosh(yi=3.0 - 2.0 * numbers["yi"], vi=4.0 * numbers["vi"])
    np.testing.assert_allclose(moved.estimate, 3.0 - 2.0 * base.estimate, rtol=1e-9)
    np.testing.assert_allclose(moved.tau2, 4.0 * base.tau2, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(moved.i2, base.i2, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(moved.table["share"], base.table["share"], rtol=1e-7)
    turned = gosh(yi=numbers["yi"][::-1], vi=numbers["vi"][::-1])
    np.testing.assert_allclose(np.sort(turned.estimate), np.sort(base.estimate), rtol=1e-9)
    np.testing.assert_allclose(turned.table["share"], base.table["share"][::-1], rtol=1e-7)


def test_a_fit_gives_what_arrays_give_and_the_record_replays_it() -> None:
    numbers = trials(6)
    fit = km.pool(**numbers, tau2="PM")
    found = gosh(fit)
    np.testing.assert_array_equal(found.estimate, gosh(**numbers, tau2="PM").estimate)
    assert found.tau2_method == "PM"
    asked = gosh(fit, tau2="DL", subsets=20, rng=3)
    step = asked.provenance.steps[-1]
    assert step["step"] == "gosh"
    again = gosh(fit, **step["arguments"])
    np.testing.assert_array_equal(again.estimate, asked.estimate)
    assert again.tau2_method == "DL"


def test_random_subsets_come_again_without_a_seed() -> None:
    numbers = trials(8)
    found = gosh(km.pool(**numbers), subsets=30)
    again = gosh(km.pool(**numbers), **found.provenance.steps[-1]["arguments"])
    assert again.to_dict() == found.to_dict()
    assert found.provenance.steps[-1]["arguments"]["rng"] == 1


def test_no_side_is_named_where_the_whole_lies_at_no_effect() -> None:
    found = gosh(yi=[-1.0, 1.0, -0.5, 0.5], vi=[0.1] * 4, tau2="EE")
    assert found.estimate_all == 0
    assert np.isnan(found.same_side)
    assert found.to_dict()["same_side"] is None
    assert "with all studies; there are too few" in found.sentence()


def test_two_studies_give_one_subset() -> None:
    found = gosh(yi=[0.1, 0.5], vi=[0.1, 0.1])
    assert found.n_subsets == 1
    assert found.table[["share", "share_i2", "estimate_without"]].isna().all(axis=None)
    assert "no study can be told" in found.sentence()


def test_equal_effects_have_no_shares() -> None:
    found = gosh(yi=[-0.3] * 6, vi=[0.1, 0.2, 0.3, 0.1, 0.05, 0.1])
    np.testing.assert_allclose(found.estimate, -0.3)
    assert found.table[["share", "share_i2"]].isna().all(axis=None)
    assert found.table["difference"].abs().max() < 1e-12


@pytest.mark.parametrize("size", [1e-150, 1e-12, 1e12, 1e140])
def test_tiny_and_huge_numbers(size: float) -> None:
    numbers = trials(10, outlier=3.0)
    found = gosh(yi=size * numbers["yi"], vi=size**2 * numbers["vi"])
    assert found.splitter == "Study 3"
    assert found.table["share"][2] == pytest.approx(gosh(**numbers).table["share"][2], rel=1e-6)


@pytest.mark.parametrize("method", ["EE", "DL", "REML"])
def test_variances_far_apart(method: str) -> None:
    found = gosh(yi=[0.0, 1.0, -1.0, 0.5, 0.2], vi=[1e-60, 1.0, 1e60, 0.1, 1e-5], tau2=method)
    assert np.isfinite([found.estimate, found.tau2, found.i2]).all()
    json.dumps(found.to_dict(), allow_nan=False)


def test_subsets_that_could_not_be_fitted_are_left_out_and_said() -> None:
    found = gosh(**trials(10))
    holed, kept = found.estimate.copy(), np.ones(found.n_subsets, dtype=bool)
    holed[[3, 500]], kept[[3, 500]] = np.nan, False
    table = splits_of(found.packed, holed, found.i2, found.labels)
    wanted = splits_of(found.packed[kept], found.estimate[kept], found.i2[kept], found.labels)
    pd.testing.assert_frame_equal(table, wanted)
    assert "2 subsets could not be fitted" in " ".join(_notes(found.fit, 1013, True, holed, table))


def test_in_words_and_plain_values() -> None:
    rows = INPUTS[INPUTS["dataset"] == "bcg_rr"].assign(measure="RR", label=[f"T{i}" for i in range(13)])
    found = gosh(km.pool(rows))
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["n_subsets"] == 8178
    assert plain["subsets"]["estimate"]["median"] == np.median(found.estimate)
    assert plain["studies"][3]["label"] == "T3"
    low, high = np.exp(found.estimate.min()), np.exp(found.estimate.max())
    assert f"pooled RR went from {low:.2f} to {high:.2f}" in found.sentence()
    assert "all subsets of two or more of 13 studies (8,178)" in str(found)
    assert found.same_side == np.mean(found.estimate < 0) < 1
    assert "over 99% of the subsets lie on its side of no effect; no single study" in found.sentence()
    assert "T3" in found._repr_html_()


def test_studies_of_one_label_go_by_position() -> None:
    rows = pd.DataFrame({**trials(4), "label": ["a", "b", "b", "c"]})
    found = gosh(km.pool(rows))
    assert found.position("c") == 3
    assert found.holds(2).sum() == 7
    with pytest.raises(ModelError, match=r"names 2 rows.*\[1, 2\]"):
        found.holds("b")
    with pytest.raises(ModelError, match="study"):
        found.holds("d")
    with pytest.raises(ModelError, match="from 0 to 10"):
        found.members(11)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "both yi and vi"),
        ({"yi": [0.1, 0.2]}, "both yi and vi"),
        ({"yi": [0.1], "vi": [0.1]}, "2 studies or more"),
        ({"yi": [0.1, np.nan], "vi": [0.1, 0.1]}, "yi"),
        ({"yi": [0.1, 0.2], "vi": [0.1, 0.1], "tau2": "RMEL"}, "REML"),
        ({"yi": [0.1, 0.2], "vi": [0.1, 0.1], "subsets": 0}, "subsets"),
        ({"yi": [0.1, 0.2], "vi": [0.1, 0.1], "rng": "seed"}, "rng"),
        ({"yi": [0.1, 0.2], "vi": [0.1, 0.1], "workers": 0}, "workers"),
        ({"fit": 3}, "result of pool"),
    ],
)
def test_refusals(asked: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        gosh(**asked)  # type: ignore[arg-type]


def test_a_fit_and_arrays_are_refused() -> None:
    numbers = trials(3)
    with pytest.raises(ModelError, match="not both"):
        gosh(km.pool(**numbers), **numbers)
