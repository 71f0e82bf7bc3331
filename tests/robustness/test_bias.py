from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.robustness import (
    begg,
    bias,
    egger,
    excess_significance,
    limit_meta_analysis,
    pet_peese,
    peters,
    pustejovsky_rodgers,
    selection_model,
    trim_and_fill,
)

POOLS = pd.read_csv(Path(__file__).parents[1] / "reference" / "bias_tests_inputs.csv")
COLUMNS = ["method", "what", "estimate", "se", "ci_low", "ci_high", "stat", "p", "caution"]


def with_sizes(name: str) -> km.models.Pooled:
    return km.pool(POOLS[POOLS["dataset"] == name].reset_index(drop=True))


def test_rows_are_the_methods_themselves() -> None:
    fit = with_sizes("ketamine_smd")
    found = bias(fit)
    assert list(found.table.columns) == COLUMNS
    rows = found.table.set_index("method")
    p = {
        "Egger, weighted": egger(fit).p,
        "Egger, mixed": egger(fit, model="mixed").p,
        "Pustejovsky-Rodgers": pustejovsky_rodgers(fit).p,
        "Begg-Mazumdar": begg(fit).p,
        "Excess significance": excess_significance(fit).p,
        "Selection model, likelihood ratio": selection_model(fit, steps=(0.025,)).lrt_p,
    }
    assert rows.loc[rows["what"] == "test", "p"].to_dict() == p
    adjusted = rows.loc[rows["what"] == "adjusted", "estimate"]
    filled = trim_and_fill(fit)
    assert adjusted.to_dict() == {
        f"PET-PEESE, {pet_peese(fit).chosen} chosen": pet_peese(fit).estimate,
        f"Trim and fill, {filled.k_filled} filled in": filled.adjusted.estimate,
        "Limit meta-analysis": limit_meta_analysis(fit).estimate,
        "Selection model": selection_model(fit, steps=(0.025,)).estimate,
    }
    assert any("Peters does not apply" in note for note in found.notes)
    assert rows.loc["Egger, weighted", "caution"] == "; ".join(egger(fit).notes)


def test_ratios_of_counts_get_peters() -> None:
    fit = with_sizes("bcg_or_counts")
    found = bias(fit)
    rows = found.table.set_index("method")
    assert rows.loc["Peters", "p"] == peters(fit).p
    assert "Pustejovsky-Rodgers" not in rows.index
    assert any("Pustejovsky-Rodgers does not apply" in note for note in found.notes)
    assert "shown as ratio" in str(found)
    assert f"{math.exp(fit.estimate):.2f}" in str(found)


def test_what_cannot_be_given_is_said_with_its_reason() -> None:
    equal = bias(km.pool(yi=[-1.1, -0.4, -0.6, -0.2, -0.9], vi=[0.1] * 5))
    assert not equal.table["method"].str.startswith("Egger").any()
    assert any(note.startswith("Egger, weighted is not given") for note in equal.notes)
    assert "Excess significance" in equal.table["method"].tolist()
    unsized = bias(
        km.pool(pd.DataFrame({"yi": [-1.1, -0.4, -0.2], "vi": [0.2, 0.1, 0.02], "measure": "SMD"}))
    )
    assert any("Pustejovsky-Rodgers is not given" in note and "n_t" in note for note in unsized.notes)


@pytest.mark.parametrize("k", [1, 2])
def test_too_few_studies_are_said_not_refused(k: int) -> None:
    found = bias(km.pool(yi=[-1.0, -0.4][:k], vi=[0.1, 0.2][:k], ci="Wald"))
    assert found.table.empty
    assert list(found.table.columns) == COLUMNS
    assert any("nothing can be tested" in note for note in found.notes)
    assert "no test" in found.sentence()
    assert "pooled, not adjusted" in str(found)
    json.dumps(found.to_dict(), allow_nan=False)


def test_refuses_what_is_no_pool() -> None:
    with pytest.raises(ModelError, match="takes the result of pool"):
        bias([1.0, 2.0])


def test_identical_effects_do_not_fail() -> None:
    found = bias(km.pool(yi=[-0.3] * 5, vi=[0.1, 0.2, 0.05, 0.3, 0.02], ci="Wald"))
    assert "Egger, weighted" in found.table["method"].tolist()
    json.dumps(found.to_dict(), allow_nan=False)


def test_shows_itself() -> None:
    found = bias(with_sizes("ketamine_smd"))
    text = str(found)
    for row in found.table["method"]:
        assert row in text
    every = {text for texts in found.cautions for text in texts}
    assert all(caution in text for caution in every)
    assert "too few to rely on" in found.sentence()
    assert "smaller trials show lower effects" in text
    assert "Small-study effects" in found._repr_html_()
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["method"] for row in plain["methods"]] == found.table["method"].tolist()
    assert found.to_frame().equals(found.table)
    assert found.provenance.steps[-1] == {"step": "bias", "arguments": {}}


def test_sentence_counts_only_tests_with_a_p_value() -> None:
    found = bias(km.pool(yi=[-0.3] * 5, vi=[0.1, 0.2, 0.05, 0.3, 0.02], ci="Wald"))
    given = found.table.loc[found.table["what"] == "test", "p"].notna().sum()
    assert given < (found.table["what"] == "test").sum()
    assert f" of {given} tests" in found.sentence()


def test_one_adjusted_effect_is_no_range() -> None:
    found = bias(km.pool(yi=[-1.1, -0.4, -0.6, -0.2, -0.9], vi=[0.1] * 5))
    (adjusted,) = found.table.loc[found.table["what"] == "adjusted", "estimate"]
    assert f"became \N{MINUS SIGN}{abs(adjusted):.2f} by 1 method" in found.sentence()
