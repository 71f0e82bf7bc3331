from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models.leave_one_out import all_and_without_each, contributions

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
BAUJAT = pd.read_csv(REFERENCE / "baujat.csv")
CASES = [*dict.fromkeys(zip(BAUJAT["dataset"], BAUJAT["method"], strict=True))]


@pytest.mark.parametrize(("dataset", "method"), CASES)
def test_equals_metafor(dataset: str, method: str) -> None:
    rows = INPUTS[INPUTS["dataset"] == dataset]
    wanted = BAUJAT[(BAUJAT["dataset"] == dataset) & (BAUJAT["method"] == method)]
    found = contributions(rows["yi"], rows["vi"], tau2=method)
    assert len(wanted) == len(rows)
    np.testing.assert_allclose(found.heterogeneity, wanted["heterogeneity"], rtol=1e-9)
    np.testing.assert_allclose(found.influence, wanted["influence"], rtol=1e-9)


@pytest.mark.parametrize("method", ["EE", "DL", "REML", "ML", "PM", "SJ"])
def test_fits_are_those_of_pool(method: str) -> None:
    rows = INPUTS[INPUTS["dataset"] == "bcg_rr"]
    y, v = rows["yi"].to_numpy(), rows["vi"].to_numpy()
    fits = all_and_without_each(y, v, tau2=method)
    pools = [km.pool(yi=y, vi=v, tau2=method, ci="Wald")]
    pools += [km.pool(yi=np.delete(y, i), vi=np.delete(v, i), tau2=method, ci="Wald") for i in range(y.size)]
    assert fits.beta[:, 0].tolist() == pytest.approx([pool.estimate for pool in pools], rel=1e-12)
    assert np.sqrt(fits.cov[:, 0, 0]).tolist() == pytest.approx([pool.se for pool in pools], rel=1e-12)
    assert fits.k.tolist() == [y.size, *[y.size - 1] * y.size]


def test_common_effect_contributions_add_up_to_q() -> None:
    rows = INPUTS[INPUTS["dataset"] == "pignon2000"]
    fit = km.pool(yi=rows["yi"].to_numpy(), vi=rows["vi"].to_numpy(), tau2="EE", ci="Wald")
    assert contributions(fit.yi, fit.vi, tau2="EE").heterogeneity.sum() == pytest.approx(fit.q, rel=1e-12)


def test_two_studies_are_left_with_the_other_one() -> None:
    found = contributions([0.0, 1.0], [0.1, 0.1], tau2="EE")
    assert found.influence.tolist() == pytest.approx([0.25 / 0.1] * 2)
    assert found.heterogeneity.tolist() == pytest.approx([0.25 / 0.1] * 2)


def test_equal_effects_contribute_nothing() -> None:
    found = contributions([0.3] * 4, [0.1, 0.2, 0.3, 0.4], tau2="REML")
    assert found.heterogeneity.tolist() == pytest.approx([0.0] * 4, abs=1e-28)
    assert found.influence.tolist() == pytest.approx([0.0] * 4, abs=1e-28)


def test_one_study_alone_leaves_nothing() -> None:
    assert np.isnan(contributions([0.3], [0.1], tau2="REML").influence).all()


@pytest.mark.parametrize(("yi", "vi"), [([0.1, np.nan], [0.1, 0.1]), ([0.1, 0.2], [0.1, 0.0])])
def test_refuses_what_cannot_be_fitted(yi: list[float], vi: list[float]) -> None:
    with pytest.raises(ModelError):
        contributions(yi, vi, tau2="DL")
