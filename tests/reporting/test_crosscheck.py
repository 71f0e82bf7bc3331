"""The second road sees a wrong number."""

import dataclasses

import pytest

import ketameta as km
from ketameta.reporting.crosscheck import cross_check


@pytest.fixture
def fit():
    return km.pool(yi=[-0.6, -0.3, -0.9, -0.1], vi=[0.05, 0.04, 0.10, 0.08])


def test_agreement(fit):
    checked = cross_check([fit, km.pool(yi=[-0.6], vi=[0.05])])
    assert checked.n_pools == 1
    assert checked.largest < 1e-12
    assert "statsmodels" in checked.sentence()


@pytest.mark.parametrize("field", ["estimate", "se", "q", "tau2"])
def test_a_wrong_number_is_seen(fit, field):
    wrong = dataclasses.replace(fit, **{field: getattr(fit, field) * 1.01 + 0.001})
    assert cross_check([wrong]).largest > 1e-4


def test_nothing_to_check():
    assert cross_check([]).n_pools == 0
    assert "no pool" in cross_check([]).sentence()
