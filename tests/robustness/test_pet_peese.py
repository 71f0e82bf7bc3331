from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.robustness import PetPeese, egger, pet_peese

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
WANTED = (
    pd.read_csv(REFERENCE / "bias_tests.csv")
    .set_index(["dataset", "test", "model", "part"])["value"]
    .to_dict()
)
CASES = [*dict.fromkeys((name[0], name[2]) for name in WANTED if name[1] == "peese")]
Y, V = [-1.1, -0.4, -0.6, -0.2], [0.2, 0.05, 0.1, 0.02]


def classic(name: str) -> km.models.Pooled:
    rows = INPUTS[INPUTS["dataset"] == name]
    return km.pool(yi=rows["yi"].to_numpy(), vi=rows["vi"].to_numpy())


@pytest.mark.parametrize(("dataset", "model"), CASES)
def test_both_lines_are_those_of_metafor(dataset: str, model: str) -> None:
    """Closed forms to 1e-9; the REML of metafor stops where tau2 moves by less than its threshold."""
    found = pet_peese(classic(dataset), model="weighted" if model == "weighted" else "mixed")
    rtol = 1e-9 if model == "weighted" else 1e-6
    for name, one in (("egger", found.pet), ("peese", found.peese)):
        wanted = {
            part: WANTED[dataset, name, model, part] for part in ("limit", "limit_ci_low", "limit_ci_high")
        }
        slack = rtol * (wanted["limit_ci_high"] - wanted["limit_ci_low"])
        assert one.estimate == pytest.approx(wanted["limit"], rel=rtol, abs=slack)
        assert one.ci_low == pytest.approx(wanted["limit_ci_low"], rel=rtol, abs=slack)
        assert one.ci_high == pytest.approx(wanted["limit_ci_high"], rel=rtol, abs=slack)
        assert one.p == pytest.approx(WANTED[dataset, name, model, "limit_p"], rel=10 * rtol, abs=rtol)
        assert one.slope_p == pytest.approx(WANTED[dataset, name, model, "p"], rel=10 * rtol, abs=rtol)
    assert found.chosen == ("PEESE" if WANTED[dataset, "egger", model, "limit_p"] < 0.1 else "PET")


def test_both_choices_occur_and_follow_alpha() -> None:
    names = {dataset for dataset, _ in CASES}
    found = {name: pet_peese(classic(name)) for name in names}
    assert {one.chosen for one in found.values()} == {"PET", "PEESE"}
    for name, one in found.items():
        part = one.pet if one.chosen == "PET" else one.peese
        assert (one.estimate, one.se, one.ci_low, one.ci_high, one.p) == (
            part.estimate,
            part.se,
            part.ci_low,
            part.ci_high,
            part.p,
        )
        if 1e-6 < one.pet.p < 0.999:
            assert pet_peese(classic(name), alpha=one.pet.p * 1.001).chosen == "PEESE"
            assert pet_peese(classic(name), alpha=one.pet.p * 0.999).chosen == "PET"


def test_pet_is_the_limit_of_egger() -> None:
    fit = km.pool(yi=Y, vi=V)
    for model in ("weighted", "mixed"):
        assert pet_peese(fit, model=model).pet.estimate == egger(fit, model=model).limit


def test_peese_finds_the_truth_on_a_parabola() -> None:
    v = np.array([0.3, 0.02, 0.11, 0.05, 0.2])
    found = pet_peese(km.pool(yi=-0.4 - 3 * v + np.array([1, -1, 1, -1, 1]) * 1e-6, vi=v))
    assert found.chosen == "PEESE"
    assert found.estimate == pytest.approx(-0.4, abs=1e-5)
    assert found.peese.slope == pytest.approx(-3, abs=1e-4)


def test_an_exact_line_has_no_p_value_and_keeps_pet() -> None:
    found = pet_peese(km.pool(yi=[-0.3] * 4, vi=V, ci="Wald"))
    assert math.isnan(found.p)
    assert (found.chosen, found.estimate) == ("PET", pytest.approx(-0.3))
    assert any("PET is kept" in note for note in found.notes)
    json.dumps(found.to_dict(), allow_nan=False)


def test_refuses() -> None:
    with pytest.raises(ModelError, match="needs 3 studies"):
        pet_peese(km.pool(yi=Y[:2], vi=V[:2], ci="Wald"))
    with pytest.raises(ModelError, match="alpha"):
        pet_peese(km.pool(yi=Y, vi=V), alpha=1.0)
    with pytest.raises(ModelError, match="mixed"):
        pet_peese(km.pool(yi=Y, vi=V), model="mixd")
    with pytest.raises(ModelError, match="same in all"):
        pet_peese(km.pool(yi=Y, vi=[0.1] * 4))


def test_shows_itself_and_ratios_as_ratios() -> None:
    fit = km.pool(pd.DataFrame({"yi": Y, "vi": V, "measure": "OR"}))
    found = pet_peese(fit)
    assert isinstance(found, PetPeese)
    assert f"from {math.exp(fit.estimate):.2f} to {math.exp(found.estimate):.2f}" in found.sentence()
    assert f"{found.chosen} (chosen)" in str(found)
    assert "PEESE" in found._repr_html_()
    frame = found.to_frame()
    assert frame["method"].tolist() == ["PET", "PEESE"]
    assert frame.loc[frame["chosen"], "estimate"].tolist() == [found.estimate]
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["pet"]["p"] == found.pet.p
    assert found.provenance.steps[-1]["arguments"] == {"model": "weighted", "alpha": 0.1}
    assert any("depends on the OR" in note for note in found.notes)


def test_the_name_stays_a_function_once_its_module_is_imported() -> None:
    import ketameta.robustness as room
    import ketameta.robustness.extrapolation as module

    assert room.pet_peese is module.pet_peese


def test_a_pet_on_the_other_side_of_no_effect_is_told() -> None:
    v = np.array([0.2, 0.05, 0.1, 0.02, 0.15])
    y = 0.3 - 2.8 * np.sqrt(v) + np.array([1, -1, 1, -1, 1]) * 1e-3
    fit = km.pool(yi=y, vi=v)
    found = pet_peese(fit)
    assert fit.estimate < 0 < found.pet.estimate
    assert found.chosen == "PEESE"
    assert any("would keep PET" in note for note in found.notes)
    assert not any("would keep PET" in note for note in pet_peese(fit, alpha=found.pet.p / 2).notes)
    assert not any("would keep PET" in note for note in pet_peese(km.pool(yi=y - 1, vi=v)).notes)
