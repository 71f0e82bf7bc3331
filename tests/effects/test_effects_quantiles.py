"""Means and SDs from quantiles: against metafor, estmeansd, tight numerics, printed examples, simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketameta.effects import MeanSd, mean_sd_from_quantiles, sd_from_iqr, sd_from_range
from ketameta.errors import EffectError

REFERENCE = Path(__file__).parents[1] / "reference"
QUANTILES = ["low", "q1", "median", "q3", "high"]
GIVEN = ["extremes", "quartiles", "all"]


def read(name: str, given: str) -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / name)
    return frame[frame.given == given].dropna(axis=1)


def estimate(frame: pd.DataFrame, **options: Any) -> MeanSd:
    columns = {name: frame[name] for name in QUANTILES if name in frame}
    return mean_sd_from_quantiles(frame.n, **columns, **options)


@pytest.mark.parametrize("given", GIVEN)
def test_luo_against_metafor(given: str) -> None:
    reference = read("recovery_quantiles.csv", given)
    found = estimate(reference, check=False)
    assert len(reference) == 32
    assert reference.n.min() <= 7
    assert 0 < reference.skewed.sum() < 32
    for name in ("mean", "sd", "critical"):
        np.testing.assert_allclose(getattr(found, name), reference[name], rtol=1e-13)
    np.testing.assert_allclose(found.statistic, reference.statistic, rtol=1e-12)
    assert found.skewed.tolist() == reference.skewed.astype(bool).tolist()
    assert (found.power == 1).all()


@pytest.mark.parametrize("given", GIVEN)
def test_box_cox_against_tight_numerics(given: str) -> None:
    reference = read("recovery_boxcox.csv", given)
    found = estimate(reference, method="Box-Cox")
    assert len(reference) == 30
    for name, tolerance in (("mean", 1e-12), ("sd", 1e-11)):
        np.testing.assert_allclose(getattr(found, name), reference[name], rtol=tolerance)
    np.testing.assert_allclose(found.power, reference.power, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("given", GIVEN)
def test_box_cox_against_the_package_of_its_authors(given: str) -> None:
    """Their optimiser stops about 1e-4 from the best power; the moments move in proportion."""
    reference = read("recovery_boxcox.csv", given)
    found = estimate(reference, method="Box-Cox")
    np.testing.assert_allclose(found.power, reference.est_power, atol=3e-4)
    np.testing.assert_allclose(found.mean, reference.est_mean, rtol=2e-3)
    np.testing.assert_allclose(found.sd, reference.est_sd, rtol=4e-3)


def test_examples_of_the_manual_of_metafor() -> None:
    """Printed output of example(conv.fivenum), version 5.1."""
    printed = [
        ({"low": 2, "median": 6, "high": 14}, (6.594468, 3.211576, 0.333, 0.416)),
        ({"q1": 4, "median": 6, "q3": 10}, (6.719500, 4.787076, 0.333, 0.578)),
        ({"low": 2, "q1": 4, "median": 6, "q3": 10, "high": 14}, (6.938841, 3.679435, 0.491, 0.666)),
    ]
    for quantiles, (mean, sd, statistic, critical) in printed:
        found = mean_sd_from_quantiles(20, **quantiles)  # type: ignore[arg-type]
        assert (round(float(found.mean), 6), round(float(found.sd), 6)) == (mean, sd)
        assert (round(float(found.statistic), 3), round(float(found.critical), 3)) == (statistic, critical)
    with pytest.raises(EffectError, match="skewed"):
        mean_sd_from_quantiles(20, low=2, q1=4, median=6, q3=14, high=20)


def test_example_of_the_readme_of_estmeansd() -> None:
    """Printed from 1,100 simulated values, mean 4.210971 and SD 1.337348: within three standard errors."""
    found = mean_sd_from_quantiles(100, low=2, median=4, high=9, method="Box-Cox")
    assert float(found.power) == 0
    sigma2 = np.log1p((found.sd / found.mean) ** 2)
    kurtosis = np.exp(4 * sigma2) + 2 * np.exp(3 * sigma2) + 3 * np.exp(2 * sigma2) - 3
    assert abs(float(found.mean) - 4.210971) < 3 * found.sd / np.sqrt(1100)
    assert abs(float(found.sd) - 1.337348) < 3 * found.sd * np.sqrt((kurtosis - 1) / (4 * 1100))


def test_log_normal_and_normal_limits() -> None:
    """Power 0 is the closed form of the log-normal; a sample symmetric as it stands has power 1."""
    n = np.array([12.0, 60.0, 400.0])
    found = mean_sd_from_quantiles(n, q1=np.exp(1.0), median=np.exp(2.0), q3=np.exp(3.0), method="Box-Cox")
    sigma = sd_from_iqr(1.0, 3.0, n)
    np.testing.assert_allclose(found.power, 0, atol=1e-14)
    np.testing.assert_allclose(found.mean, np.exp(2 + sigma**2 / 2), rtol=1e-12)
    np.testing.assert_allclose(found.sd / found.mean, np.sqrt(np.expm1(sigma**2)), rtol=1e-12)
    plain = mean_sd_from_quantiles(n, low=80, median=100, high=120, method="Box-Cox")
    np.testing.assert_allclose(plain.power, 1, rtol=1e-13)
    np.testing.assert_allclose(plain.mean, 100, rtol=1e-13)
    np.testing.assert_allclose(plain.sd, sd_from_range(80, 120, n), rtol=1e-8)


@given(
    st.integers(5, 2000),
    st.lists(st.floats(0.5, 5), min_size=4, max_size=4),
    st.sampled_from(GIVEN),
    st.floats(1e-3, 1e3),
)
def test_scale_and_shift(n: int, steps: list[float], given: str, scale: float) -> None:
    """Luo: equivariant to shift, scale and reflection. Box-Cox: to scale; mean and SD are finite."""
    values = dict(zip(QUANTILES, np.cumsum([1.0, *steps]), strict=True))
    left_out = {"extremes": ("q1", "q3"), "quartiles": ("low", "high"), "all": ()}[given]
    q = {name: value for name, value in values.items() if name not in left_out}
    mirror = {a: -q[b] for a, b in zip(QUANTILES, QUANTILES[::-1], strict=True) if b in q}
    base = mean_sd_from_quantiles(n, **q, check=False)
    moved = mean_sd_from_quantiles(n, **{k: scale * v - 7 for k, v in q.items()}, check=False)
    turned = mean_sd_from_quantiles(n, **mirror, check=False)
    np.testing.assert_allclose(moved.mean, scale * base.mean - 7, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([moved.sd / scale, turned.sd], [base.sd, base.sd], rtol=1e-9)
    np.testing.assert_allclose(
        [turned.mean, moved.statistic], [-base.mean, base.statistic], rtol=1e-7, atol=1e-9
    )
    curved = mean_sd_from_quantiles(n, **q, method="Box-Cox")
    scaled = mean_sd_from_quantiles(n, **{k: scale * v for k, v in q.items()}, method="Box-Cox")
    np.testing.assert_allclose(scaled.mean, scale * curved.mean, rtol=1e-8)
    np.testing.assert_allclose(scaled.sd, scale * curved.sd, rtol=1e-7)
    assert q.get("low", 0) <= curved.mean <= q.get("high", np.inf)


@pytest.mark.parametrize("n", [21, 101])
def test_normal_samples(n: int) -> None:
    """Means and SDs without bias; about one normal sample in twenty called skewed."""
    samples = np.random.default_rng(41).normal(50, 8, size=(20_000, n))
    five = dict(zip(QUANTILES, np.quantile(samples, [0, 0.25, 0.5, 0.75, 1], axis=1), strict=True))
    for names in (("low", "median", "high"), ("q1", "median", "q3"), QUANTILES):
        found = mean_sd_from_quantiles(n, **{name: five[name] for name in names}, check=False)
        assert found.mean.mean() == pytest.approx(50, abs=4 * found.mean.std() / np.sqrt(20_000))
        assert found.sd.mean() == pytest.approx(8, rel=0.015)
        assert 0.035 < found.skewed.mean() < 0.065


def test_skewed_samples_need_box_cox() -> None:
    """Log-normal samples of 101: nearly all are refused, and Box-Cox is the nearer to the mean."""
    samples = np.random.default_rng(42).lognormal(2.5, 0.8, size=(2_000, 101))
    q = dict(zip(QUANTILES, np.quantile(samples, [0, 0.25, 0.5, 0.75, 1], axis=1), strict=True))
    plain = mean_sd_from_quantiles(101, **q, check=False)
    curved = mean_sd_from_quantiles(101, **q, method="Box-Cox")
    assert plain.skewed.mean() > 0.95
    true = np.exp(2.5 + 0.32)
    assert abs(curved.mean.mean() / true - 1) < 0.03 < abs(plain.mean.mean() / true - 1)
    with pytest.raises(EffectError, match=r"the quantiles\[0\] are skewed \(and \d+ more\)"):
        mean_sd_from_quantiles(101, **q)


def test_refusal_says_the_numbers_and_the_way_out() -> None:
    with pytest.raises(EffectError) as error:
        mean_sd_from_quantiles(100, q1=2, median=4, q3=9)
    assert "statistic 0.429, 5% critical value 0.264" in str(error.value)
    assert "method='Box-Cox'" in str(error.value)
    assert "check=False" in str(error.value)


def test_result_shows_itself() -> None:
    found = mean_sd_from_quantiles([20, 30], q1=4.0, median=6.0, q3=[9.0, 8.5])
    assert list(found.to_frame()) == ["mean", "sd", "statistic", "critical", "skewed", "power"]
    assert found.to_frame().shape == (2, 6)
    assert found.to_dict()["given"] == "q1, median, q3"
    assert found.sentence() == (
        "2 means and SDs, estimated from q1, median, q3 and n (Luo); 0 of the groups are skewed."
    )
    assert "skewness statistic" in str(found)
    assert "<table>" in found._repr_html_()
    many = mean_sd_from_quantiles(np.full(12, 20), q1=4.0, median=6.0, q3=9.0)
    assert "2 further groups are not shown" in str(many)


@pytest.mark.parametrize(
    ("quantiles", "message"),
    [
        ({"q1": 7.0, "median": 6.0, "q3": 9.0}, r"q1 = 7 is above median = 6"),
        ({"q1": 4.0, "median": 9.5, "q3": 9.0}, r"median = 9.5 is above q3 = 9"),
        ({"low": 5.0, "q1": 4.0, "median": 6.0, "q3": 9.0, "high": 12.0}, r"low = 5 is above q1 = 4"),
        ({"low": 1.0, "q1": 4.0, "median": 6.0, "q3": 9.0, "high": 8.0}, r"q3 = 9 is above high = 8"),
        ({"q1": 6.0, "median": 6.0, "q3": 6.0}, r"q1 = 6 is not below q3 = 6"),
        ({"q1": [4.0, 8.0], "median": 6.0, "q3": 9.0}, r"q1\[1\] = 8 is above median = 6"),
        ({"q1": 4.0, "q3": 9.0}, r"given: q1, q3; give the median with"),
        ({"low": 4.0, "q3": 9.0, "median": 6.0}, r"given: low, median, q3; give"),
        ({"low": 1.0, "q1": 4.0, "median": 6.0, "q3": 9.0}, r"give the median with"),
        ({"median": 6.0}, r"given: median;"),
        ({}, r"given: no quantile;"),
        ({"q1": np.nan, "median": 6.0, "q3": 9.0}, r"q1 = nan"),
        ({"q1": 4.0, "median": np.inf, "q3": 9.0}, r"median = inf"),
        ({"q1": [], "median": 6.0, "q3": 9.0}, r"q1 is empty"),
        ({"q1": "4", "median": 6.0, "q3": 9.0}, r"q1 holds"),
        ({"q1": [4.0, 5.0], "median": [6.0, 6.0, 6.0], "q3": 9.0}, r"shapes"),
    ],
)
@pytest.mark.parametrize("method", ["Luo", "Box-Cox"])
def test_bad_quantiles(quantiles: dict[str, Any], message: str, method: Any) -> None:
    with pytest.raises(EffectError, match=message):
        mean_sd_from_quantiles(20, **quantiles, method=method)


@pytest.mark.parametrize(
    ("n", "message"),
    [(4, "at least 5"), (0, "at least 5"), (-20, "at least 5"), (np.nan, "n = nan"), ("20", "n holds")],
)
def test_bad_sizes(n: Any, message: str) -> None:
    with pytest.raises(EffectError, match=message):
        mean_sd_from_quantiles(n, q1=4.0, median=6.0, q3=9.0)


def test_box_cox_has_needs_of_its_own() -> None:
    with pytest.raises(EffectError, match=r"q1 = 0: method='Box-Cox': a quantile must be greater than 0"):
        mean_sd_from_quantiles(20, q1=0.0, median=6.0, q3=9.0, method="Box-Cox")
    with pytest.raises(
        EffectError, match=r"quantiles\[1\]: q1 = 6, median = 6, q3 = 9: .* differ from the median"
    ):
        mean_sd_from_quantiles(20, q1=[4.0, 6.0], median=6.0, q3=9.0, method="Box-Cox")
    with pytest.raises(EffectError, match=r"method='boxcox' .* did you mean 'Box-Cox'"):
        mean_sd_from_quantiles(20, q1=4.0, median=6.0, q3=9.0, method="boxcox")  # type: ignore[arg-type]
    tied_extremes = mean_sd_from_quantiles(20, low=4, q1=4, median=6, q3=9, high=9, method="Box-Cox")
    assert np.isfinite(tied_extremes.sd)


@pytest.mark.parametrize(
    "quantiles",
    [
        {"low": 1.0, "median": 2.0, "high": 1e12},
        {"q1": 1e-8, "median": 1.0, "q3": 1e8},
        {"low": 1e-3, "q1": 0.5, "median": 1.0, "q3": 800.0, "high": 1e3},
    ],
)
def test_box_cox_refuses_estimates_that_cannot_be(quantiles: dict[str, float]) -> None:
    with pytest.raises(EffectError, match=r"quantiles\[1\]: .* cannot be that of these values"):
        mean_sd_from_quantiles(
            20, **{k: [5 + i, v] for i, (k, v) in enumerate(quantiles.items())}, method="Box-Cox"
        )


def test_values_at_the_end_of_the_number_range_are_refused() -> None:
    with pytest.raises(EffectError, match="cannot be that of these values"):
        mean_sd_from_quantiles(20, q1=-1.7e308, median=0.0, q3=1.7e308, check=False)


def test_inputs_stay_as_they_are() -> None:
    q1 = np.array([4.0, 5.0])
    mean_sd_from_quantiles(20, q1=q1, median=6.0, q3=9.0, method="Box-Cox")
    assert q1.tolist() == [4.0, 5.0]
    assert mean_sd_from_quantiles(20, q1=4.0, median=6.0, q3=9.0).mean.shape == ()
