from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.robustness import Cumulative, cumulative

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.concat(pd.read_csv(REFERENCE / f"{name}_inputs.csv") for name in ("pooling", "influence"))
METAFOR = pd.read_csv(REFERENCE / "influence.csv")
CASES = [*dict.fromkeys(zip(METAFOR["dataset"], METAFOR["method"], METAFOR["test"], strict=True))]
CI = {"z": "Wald", "knha": "HKSJ", "adhoc": "HKSJ-adhoc"}


def pooled(yi: Any, vi: Any, **settings: Any) -> Pooled:
    return km.pool(yi=np.asarray(yi, float), vi=np.asarray(vi, float), **settings)


def classic(name: str = "bcg_rr", **settings: Any) -> Pooled:
    rows = INPUTS[INPUTS["dataset"] == name]
    return pooled(rows["yi"], rows["vi"], **settings)


def dated(yi: Any, **columns: Any) -> pd.DataFrame:
    k = len(yi)
    names = [f"Trial {chr(65 + i)}" for i in range(k)]
    return pd.DataFrame(
        {"label": names, "yi": yi, "vi": [0.05] * k, "year": [2020 - i for i in range(k)]} | columns
    )


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
@pytest.mark.parametrize(("dataset", "method", "test"), CASES)
def test_equals_metafor(dataset: str, method: str, test: str) -> None:
    wanted = METAFOR.query("dataset == @dataset and method == @method and test == @test").iloc[1:]
    found = cumulative(classic(dataset, tau2=method, ci=CI[test]), by="precision")
    for name in ("estimate", "se", "ci_low", "ci_high", "p", "tau2", "i2"):
        near = 1e-8 if name == "i2" else 1e-11  # R's optimiser ends beside a tau2 of 0
        np.testing.assert_allclose(
            getattr(found, name)[1:], wanted[f"step_{name}"], rtol=1e-8, atol=near, err_msg=name
        )


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
@pytest.mark.parametrize(
    "settings",
    [
        {"tau2": "EE", "ci": "Wald"},
        {"tau2": "REML", "ci": "HKSJ", "prediction": "t(k-2)"},
        {"tau2": "REML", "ci": "KR"},
        {"tau2": "ML", "ci": "profile"},
        {"tau2": "PM", "ci": "HKSJ-adhoc", "level": 0.9},
    ],
    ids=lambda s: f"{s['tau2']}-{s['ci']}",
)
def test_equals_pools_one_by_one(settings: dict[str, Any]) -> None:
    fit = classic("hine1989_rd", **settings)
    found = cumulative(fit, by="precision", reverse=True)
    order = np.argsort(-fit.vi, kind="stable")
    assert found.order.tolist() == order.tolist()
    for i in range(fit.k):
        one = pooled(fit.yi[order[: i + 1]], fit.vi[order[: i + 1]], **settings)
        for name in ("k", "estimate", "se", "ci_low", "ci_high", "p", "pi_low", "pi_high", "tau2", "i2", "q"):
            wanted = getattr(one, name)
            assert getattr(found, name)[i] == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True), (
                i,
                name,
            )


@pytest.mark.parametrize("by", ["yi", "precision", "vi"])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_last_step_is_the_whole(by: str, reverse: bool) -> None:
    fit = classic()
    found = cumulative(fit, by=by, reverse=reverse)
    for name in ("estimate", "se", "ci_low", "ci_high", "p", "tau2", "q"):
        assert getattr(found, name)[-1] == pytest.approx(getattr(fit, name), rel=1e-9)
    assert found.k.tolist() == list(range(1, fit.k + 1))
    assert sorted(found.order.tolist()) == list(range(fit.k))


def test_orders() -> None:
    rows = dated(
        [-0.5, -0.4, -0.3, -0.2], n_t=[10, 40, 20, 30], n_c=[10, 40, 20, 30], dose=[0.5, 0.1, 0.2, 0.3]
    )
    fit = km.pool(rows)
    assert "".join(name[-1] for name in cumulative(fit).labels) == "DCBA"
    assert "".join(name[-1] for name in cumulative(fit, reverse=True).labels) == "ABCD"
    assert "".join(name[-1] for name in cumulative(fit, by="size").labels) == "BDCA"
    assert "".join(name[-1] for name in cumulative(fit, by="size", reverse=True).labels) == "ACDB"
    assert "".join(name[-1] for name in cumulative(fit, by="dose").labels) == "BCDA"
    assert cumulative(fit, by="size").values.tolist() == [80, 60, 40, 20]


def test_ties_stay_in_the_order_of_the_rows_and_are_named() -> None:
    fit = km.pool(dated([-0.5, -0.4, -0.3, -0.2], year=[2019, 2018, 2019, 2017]))
    found = cumulative(fit)
    assert [name[-1] for name in found.labels] == ["D", "B", "A", "C"]
    assert "studies of equal rank stand in the order of the rows: Trial A, Trial C" in found.notes
    back = cumulative(fit, reverse=True)
    assert [name[-1] for name in back.labels] == ["A", "C", "B", "D"]
    assert not any("equal rank" in note for note in cumulative(km.pool(dated([-0.5, -0.4, -0.3]))).notes)


def common(yi: list[float]) -> Cumulative:
    return cumulative(km.pool(dated(yi, year=list(range(len(yi)))), tau2="EE", ci="Wald"))


def test_a_conclusion_that_appears_and_stays() -> None:
    found = common([-0.2, -0.3, -0.5, -0.6])
    assert found.excludes_null().tolist() == [False, False, True, True]
    assert (found.first, found.settled, found.stayed) == (3, 3, True)
    assert found.sentence().endswith("with 3 studies (up to Trial C), and did so at every later step.")


def test_a_conclusion_that_goes_away() -> None:
    found = common([-0.2, -0.9, 0.6, 0.5])
    assert found.excludes_null().tolist() == [False, True, False, False]
    assert (found.first, found.settled, found.stayed) == (2, 3, False)
    assert found.sentence().endswith("but no longer with all of them.")


def test_a_conclusion_that_comes_back_and_one_that_turns_round() -> None:
    found = common([-0.2, -0.9, 0.6, -0.9, -0.9])
    assert (found.first, found.stayed) == (2, False)
    assert found.sentence().endswith(f"and without interruption from {found.settled} studies on.")
    turned = common([-0.6, -0.6, 0.6, 2.0, 2.0])
    assert turned.sides()[1] == -1
    assert turned.sides()[-1] == 1
    assert not turned.stayed


def test_no_conclusion_and_one_at_the_end() -> None:
    never = common([-0.1, 0.1, -0.1])
    assert never.first is None
    assert not never.stayed
    assert never.sentence().endswith("never excluded 0.")
    assert common([-0.1, -0.2, -0.7]).sentence().endswith("with 3 studies (up to Trial C), the last of them.")


def test_a_single_study_does_not_count_as_a_pool() -> None:
    found = cumulative(km.pool(dated([-0.8, -0.5, -0.7, -0.6], year=[1, 2, 3, 4])))
    assert found.excludes_null()[0]
    assert not found.excludes_null()[1]
    assert found.first == 3


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ModelError, match="needs 2 studies or more; this pool has 1"):
        cumulative(pooled([0.1], [0.1]))
    fit = km.pool(dated([-0.5, -0.4, -0.3]))
    with pytest.raises(ModelError, match="no column 'yer'"):
        cumulative(fit, by="yer")
    with pytest.raises(ModelError, match="'label' holds text, which has no order"):
        cumulative(fit, by="label")
    with pytest.raises(ModelError, match="the number of people is missing in row 1"):
        cumulative(fit, by="size")
    with pytest.raises(ModelError, match=r"'year' is missing in row 2 \(Trial B\)"):
        cumulative(km.pool(dated([-0.5, -0.4, -0.3], year=[2010, None, 2012])))
    with pytest.raises(ModelError, match="reverse=1 must be True or False"):
        cumulative(fit, reverse=1)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no column 'year'"):
        cumulative(pooled([0.1, 0.2], [0.1, 0.1]))
    assert cumulative(pooled([0.1, 0.2], [0.1, 0.1]), by="precision").k.tolist() == [1, 2]


def test_what_the_result_says() -> None:
    fit = km.pool(dated([-0.5, -0.4, -0.3, -0.9], measure=["OR"] * 4))
    found = cumulative(fit)
    frame = found.to_frame()
    assert frame["label"].tolist() == list(found.labels)
    assert frame["value"].tolist() == [2017, 2018, 2019, 2020]
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["steps"][0]["tau2"] is None
    assert (record["first"], record["settled"]) == (found.first, found.settled)
    assert record["by"] == "year"
    assert "added by year, oldest first" in found.sentence()
    assert "not corrected for looking again" in found.notes[0]
    assert "Year" in str(found)
    assert "2017" in str(found)
    assert found.provenance.steps[-1] == {"step": "cumulative", "arguments": {"by": "year", "reverse": False}}
