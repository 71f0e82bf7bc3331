"""SD of a change, and the correlation behind two SDs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketameta import effects
from ketameta.errors import EffectError


def test_handbook_sd_of_differences() -> None:
    """Handbook 5.1, section 16.4.6.4: SDs 2.38 and 2.21, n = 10: SE 0.583 at r = 0.68."""
    assert round(float(effects.sd_change(2.38, 2.21, 0.68)) / 10**0.5, 3) == 0.583


def test_handbook_correlation_and_back() -> None:
    """Same section: an SD of differences of 2 has SE 0.632; its correlation gives the same SE."""
    r = effects.correlation_from_sds(2.38, 2.21, 2.0)
    assert round(float(effects.paired_md(7.0, 2.38, 6.5, 2.21, 10, r).sei), 3) == 0.632


def test_raw_samples_give_their_own_sd_and_correlation() -> None:
    rng = np.random.default_rng(11)
    raw = rng.multivariate_normal([30, 15], [[49, 30], [30, 81]], size=(25, 40))
    before, after = raw[..., 0], raw[..., 1]
    r = np.array([np.corrcoef(b, a)[0, 1] for b, a in zip(before, after, strict=True)])
    s, t, d = (x.std(axis=1, ddof=1) for x in (before, after, after - before))
    np.testing.assert_allclose(effects.sd_change(s, t, r), d, rtol=1e-12)
    np.testing.assert_allclose(effects.correlation_from_sds(s, t, d), r, rtol=0, atol=1e-12)


def test_correlation_from_a_paired_t() -> None:
    """Two statistics of one group: a printed paired t gives the SD of the changes, and that the r."""
    rng = np.random.default_rng(12)
    raw = rng.multivariate_normal([30, 22], [[49, 35], [35, 64]], size=30)
    change = raw[:, 1] - raw[:, 0]
    t = change.mean() / (change.std(ddof=1) / np.sqrt(30))
    r = effects.correlation_from_sds(*raw.std(axis=0, ddof=1), effects.sd_from_t(change.mean(), t, 30))
    assert float(r) == pytest.approx(np.corrcoef(raw.T)[0, 1], abs=1e-12)


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(-0.999, 0.999))
def test_the_two_are_inverse(s: float, t: float, r: float) -> None:
    change = effects.sd_change(s, t, r)
    assert abs(s - t) <= float(change) * (1 + 1e-12)
    back = float(effects.correlation_from_sds(s, t, change))
    assert back == pytest.approx(r, abs=1e-12 * max(s / t, t / s))


def test_limits() -> None:
    r = effects.correlation_from_sds([3.0, 0.3, 0.7, 2.0], [1.0, 0.1, 0.6, 2.0], [2.0, 0.2, 0.1, 4.0])
    assert np.abs(r).max() <= 1
    np.testing.assert_allclose(r, [1, 1, 1, -1], rtol=1e-14)
    assert float(effects.sd_change(5.0, 5.0, 1 - 2**-53)) > 0
    assert float(effects.sd_change(1e200, 1e200, 0.5)) == pytest.approx(1e200, rel=1e-14)


def test_impossible_sds_show_the_arithmetic() -> None:
    with pytest.raises(EffectError) as error:
        effects.correlation_from_sds([6.4, 6.4], [7.1, 7.1], [4.5, 0.4])
    message = str(error.value)
    assert "the SDs[1]: (6.4^2 + 7.1^2 - 0.4^2) / (2 * 6.4 * 7.1) = 1.004" in message
    assert "between 0.7 and 13.5" in message
    with pytest.raises(EffectError, match=r"= -1\.\d+; sd_difference must lie between 1 and 5"):
        effects.correlation_from_sds(2, 3, 5.1)


@pytest.mark.parametrize("function", [effects.sd_change, effects.correlation_from_sds])
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf, "3", None, [], -2.0, [[1.0], [1.0, 2.0]], True])
def test_bad_input(function: object, position: int, value: object) -> None:
    arguments: list[object] = [2.0, 2.0, 0.5]
    arguments[position] = value
    with pytest.raises(EffectError):
        function(*arguments)  # type: ignore[operator]


def test_bad_input_by_meaning() -> None:
    for r in (1.0, -1.0, 1.5):
        with pytest.raises(EffectError, match="correlation must lie between"):
            effects.sd_change(2.0, 2.0, r)
    with pytest.raises(EffectError, match=r"sd_baseline\[1\] = 0"):
        effects.sd_change([1.0, 0.0], 2.0, 0.5)
    with pytest.raises(EffectError, match="shapes"):
        effects.sd_change([1.0, 2.0], [1.0, 2.0, 3.0], 0.5)
