"""pool(): what it takes, refuses, leaves out, says and shows."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special

import ketameta as km
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models.intervals import Inference
from ketameta.models.kernel import METHODS
from ketameta.provenance import stamp

YI, VI = [-1.10, -0.35, -0.62, -0.18, -0.80], [0.09, 0.05, 0.04, 0.07, 0.11]


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"yi": YI, "vi": VI} | columns)


def test_arrays_and_table_agree() -> None:
    one, two = km.pool(yi=YI, vi=VI), km.pool(table())
    assert one.to_frame().equals(two.to_frame())
    assert list(one.rows["label"]) == [f"Study {i}" for i in range(1, 6)]
    assert list(one.rows.columns) == ["label", "yi", "vi"]
    assert one.left_out.empty


def test_weights_are_inverse_variances() -> None:
    fit = km.pool(table())
    w = 1.0 / (np.array(VI) + fit.tau2)
    assert fit.weights == pytest.approx(w / w.sum(), rel=1e-14)
    assert fit.estimate == pytest.approx(float((fit.weights * YI).sum()), rel=1e-14)


def test_intervals_agree_when_tau2_is_zero() -> None:
    yi = [-0.5, -0.52, -0.48, -0.51]
    for ci, method in (("Wald", "z"), ("HKSJ", "t(k-1)"), ("HKSJ-adhoc", "t(k-1)")):
        fit = km.pool(yi=yi, vi=[0.1] * 4, ci=ci)
        assert fit.boundary
        assert fit.tau2 == 0
        assert (fit.pi_low, fit.pi_high) == (fit.ci_low, fit.ci_high)
        assert fit.prediction_method == method
        assert any("edge of its range" in note for note in fit.notes)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(1e-3, 3)), min_size=3, max_size=9),
    st.sampled_from(METHODS[1:]),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_interval_test_and_prediction_never_disagree(
    sample: list[tuple[float, float]], tau2: str, level: float
) -> None:
    yi, vi = (list(part) for part in zip(*sample, strict=True))
    assume(len(set(yi)) > 1)
    fits = {ci: km.pool(yi=yi, vi=vi, tau2=tau2, ci=ci, level=level) for ci in ("Wald", "HKSJ", "HKSJ-adhoc")}
    for fit in fits.values():
        assert fit.ci_low <= fit.estimate <= fit.ci_high
        assert fit.pi_low <= fit.ci_low
        assert fit.ci_high <= fit.pi_high
        if abs(fit.p - (1 - level)) > 1e-9:
            assert (fit.p < 1 - level) == (not fit.ci_low <= 0 <= fit.ci_high)
        assert 0 <= fit.i2 <= 100
        assert fit.h2 >= 1
        assert fit.i2 == pytest.approx(100 * (1 - 1 / fit.h2), rel=1e-9, abs=1e-9)
        assert fit.tau2_ci[0] <= fit.tau2_ci[1]
    assert fits["HKSJ-adhoc"].se >= fits["Wald"].se
    assert fits["HKSJ-adhoc"].ci_low < fits["Wald"].ci_low
    assert fits["HKSJ-adhoc"].se >= fits["HKSJ"].se
    assert len({fit.estimate for fit in fits.values()}) == 1


def test_real_data_are_invariant_to_shift_and_units() -> None:
    one = km.pool(table())
    moved = km.pool(yi=np.array(YI) + 1e6, vi=VI)
    assert moved.tau2 == pytest.approx(one.tau2, rel=1e-8)
    assert moved.estimate - 1e6 == pytest.approx(one.estimate, abs=1e-9)
    assert moved.se == pytest.approx(one.se, rel=1e-8)
    for unit in (1e4, 1e-4):
        scaled = km.pool(yi=np.array(YI) * unit, vi=np.array(VI) * unit**2)
        for name in ("estimate", "se", "ci_low", "ci_high", "pi_low", "pi_high"):
            assert getattr(scaled, name) == pytest.approx(getattr(one, name) * unit, rel=1e-11)
        assert scaled.tau2 == pytest.approx(one.tau2 * unit**2, rel=1e-11)
        assert scaled.tau2_ci[1] == pytest.approx(one.tau2_ci[1] * unit**2, rel=1e-11)
        assert (scaled.i2, scaled.p) == (pytest.approx(one.i2, rel=1e-11), pytest.approx(one.p, rel=1e-10))


def test_one_study_is_itself() -> None:
    fit = km.pool(yi=[-0.5], vi=[0.04])
    assert (fit.estimate, fit.se, fit.k, fit.ci_method) == (-0.5, 0.2, 1, "Wald")
    assert fit.ci_low == pytest.approx(-0.5 - 1.959963984540054 * 0.2, rel=1e-14)
    unknown = (fit.tau2, fit.i2, fit.h2, fit.q, fit.q_p, fit.pi_low, fit.pi_high, fit.loglik, *fit.tau2_ci)
    assert np.isnan(unknown).all()
    assert fit.weights.tolist() == [1.0]
    assert "cannot be estimated" in fit.notes[0]
    assert "only study" in fit.sentence()
    assert "tau2" not in str(fit).split("Note")[0]


@pytest.mark.parametrize("ci", ["HKSJ", "HKSJ-adhoc"])
def test_two_studies_warn(ci: str) -> None:
    with pytest.warns(KetametaWarning, match=r"one degree of freedom \(t = 12.7 at 95%\)"):
        fit = km.pool(yi=[-0.5, -0.1], vi=[0.04, 0.05], ci=ci)
    assert fit.df == 1
    assert "one degree of freedom" in fit.notes[0]
    assert fit.ci_high - fit.estimate == pytest.approx(math.tan(0.475 * math.pi) * fit.se, rel=1e-12)


def test_two_studies_with_a_normal_interval_do_not_warn() -> None:
    fit = km.pool(yi=[-0.5, -0.1], vi=[0.04, 0.05], ci="Wald", prediction="t(k-2)")
    assert any("hardly estimable" in note for note in fit.notes)
    assert math.isnan(fit.pi_low)
    assert fit.prediction_method == "none"
    assert any("three studies" in note for note in fit.notes)


def test_common_effect() -> None:
    with pytest.warns(KetametaWarning, match="meant for random-effects"):
        km.pool(table(), tau2="EE")
    fit = km.pool(table(), tau2="EE", ci="Wald")
    assert fit.tau2 == 0
    assert not fit.boundary
    assert np.isnan([fit.pi_low, *fit.tau2_ci, *fit.i2_ci]).all()
    assert "common-effect" in fit.sentence()
    assert fit.method == "Common-effect model, inverse-variance weights; 95% Wald interval (normal)"
    assert "tau2 " not in str(fit).split("Note")[0]
    assert "prediction" not in fit.sentence()


def test_identical_effects_warn_and_give_no_p_value() -> None:
    with pytest.warns(KetametaWarning, match="identical"):
        fit = km.pool(yi=[0.3, 0.3, 0.3], vi=[0.1, 0.2, 0.3])
    assert (fit.se, fit.ci_low, fit.ci_high) == (0.0, 0.3, 0.3)
    assert math.isnan(fit.p)
    assert math.isnan(fit.stat)
    assert km.pool(yi=[0.3, 0.3, 0.3], vi=[0.1, 0.2, 0.3], ci="HKSJ-adhoc").se > 0


def test_narrow_hksj_interval_is_said() -> None:
    yi, vi = [-0.5, -0.52, -0.48, -0.51], [0.1] * 4
    assert any("narrower than the Wald" in note for note in km.pool(yi=yi, vi=vi).notes)
    assert not any("narrower" in note for note in km.pool(yi=yi, vi=vi, ci="HKSJ-adhoc").notes)
    assert any("[0, 0]" in note for note in km.pool(yi=yi, vi=vi).notes)


def test_rows_without_an_effect_are_left_out_and_listed() -> None:
    es = table(label=list("ABCDE"), reason=["", "no sd", "", None, np.nan])
    es.loc[1, ["yi", "vi"]] = np.nan
    fit = km.pool(es)
    assert fit.k == 4
    assert list(fit.rows["label"]) == list("ACDE")
    assert list(fit.left_out["label"]) == ["B"]
    assert "1 row has no effect size" in fit.notes[0]
    assert fit.to_dict()["left_out"] == [{"record_id": None, "label": "B", "reason": "no sd"}]
    assert fit.estimate == km.pool(yi=np.delete(YI, 1), vi=np.delete(VI, 1)).estimate


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"yi": [np.nan, *YI[1:]]}, r"missing without a reason in row 1 \(KM1, A\)"),
        ({"vi": [np.nan, *VI[1:]], "reason": ["  ", "x", "", "", ""]}, "missing without a reason in row 1"),
        ({"yi": [np.inf, *YI[1:]]}, r"yi = inf, vi = 0.09 in row 1"),
        ({"vi": [*VI[:4], np.inf]}, r"row 5 \(KM5, E\); both must be finite"),
        ({"vi": [*VI[:4], 0.0]}, "vi = 0.0 in row 5"),
        ({"vi": [*VI[:4], -0.1]}, "must be positive"),
        ({"yi": ["0.1", *YI[1:]]}, "yi is '0.1' in row 1"),
        ({"yi": [True, *YI[1:]]}, "yi is True in row 1"),
        ({"yi": [[1.0], *YI[1:]]}, r"yi is \[1.0\] in row 1"),
        ({"yi": [np.nan] * 5, "reason": ["no sd"] * 5}, "no effect size to pool: no sd"),
        ({"measure": ["SMD", "SMD", "MD", "SMD", "SMD"]}, "different measures cannot be pooled: MD, SMD"),
        ({"cohort_id": ["a", "b", "a", "", None]}, r"cohort_id 'a'.*row 1 \(KM1, A\), row 3.*durability"),
        ({"comparator_arm_id": ["a", "b", "c", "c", ""]}, "comparator_arm_id 'c'.*row 4.*combine"),
        (
            {"comparator_arm_id": ["a", "b", "c", "c", ""], "shared": ["", "", "split", "", ""]},
            "comparator_arm_id 'c'",
        ),
    ],
)
def test_refused_rows_are_named(change: dict[str, Any], message: str) -> None:
    es = table(record_id=[f"KM{i}" for i in range(1, 6)], label=list("ABCDE"))
    for name, values in change.items():
        es[name] = pd.Series(values, dtype=object) if name in ("yi", "vi") else values
    with pytest.raises(ModelError, match=message):
        km.pool(es)


def test_a_split_comparator_is_accepted() -> None:
    es = table(comparator_arm_id=["a", "b", "c", "c", ""], shared=["", "", "split in 2", "split in 2", ""])
    assert km.pool(es).k == 5


def test_arms_of_one_trial_with_a_split_control_are_accepted() -> None:
    es = table(
        study_id=["a", "b", "c_56mg", "c_84mg", "d"],
        cohort_id=["a", "b", "c", "c", "d"],
        comparator_arm_id=["a", "b", "c", "c", "d"],
        shared=["", "", "split in 2", "split in 2", ""],
    )
    assert km.pool(es).k == 5
    for again in (es.assign(study_id=["a", "b", "c", "c", "d"]), es.drop(columns="study_id")):
        with pytest.raises(ModelError, match="cohort_id 'c'"):
            km.pool(again)


def test_left_out_rows_do_not_count_as_duplicates() -> None:
    es = table(cohort_id=["a", "a", "b", "c", "d"], reason=["no sd", "", "", "", ""])
    es.loc[0, "yi"] = np.nan
    assert km.pool(es).k == 4


def test_mixed_dosing_warns() -> None:
    with pytest.warns(KetametaWarning, match="mixes dosing: repeated and single"):
        fit = km.pool(table(dosing=["single", "repeated", "single", "single", ""]))
    assert "mixes dosing" in fit.notes[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give a table"),
        ({"yi": YI}, "both yi and vi"),
        ({"yi": YI, "vi": VI[:3]}, "yi has 5 values and vi has 3"),
        ({"yi": 0.1, "vi": 0.2}, "one-dimensional"),
        ({"yi": [YI], "vi": [VI]}, "one-dimensional"),
        ({"yi": list("ab"), "vi": [0.1, 0.2]}, "array of numbers"),
        ({"yi": [True, False], "vi": [0.1, 0.2]}, "array of numbers"),
        ({"yi": [], "vi": []}, "no effect size"),
        ({"yi": [0.1, np.nan], "vi": [0.1, 0.2]}, r"row 2 \(Study 2\)"),
        ({"es": YI}, "must be a DataFrame"),
        ({"es": pd.DataFrame({"yi": YI})}, "no column vi"),
        ({"es": pd.DataFrame({"yi": YI, "vi": VI}), "yi": YI}, "not both"),
        ({"es": pd.DataFrame([[1, 2, 3]], columns=["yi", "yi", "vi"])}, "more than one column yi"),
        ({"yi": YI, "vi": VI, "tau2": "reml"}, "did you mean 'REML'"),
        ({"yi": YI, "vi": VI, "tau2": 0.1}, "choose one of EE"),
        ({"yi": YI, "vi": VI, "ci": "hksj adhoc"}, "did you mean 'HKSJ-adhoc'"),
        ({"yi": YI, "vi": VI, "prediction": "t(k-3)"}, "did you mean"),
        ({"yi": YI, "vi": VI, "level": 95}, "between 0 and 1"),
        ({"yi": YI, "vi": VI, "level": True}, "between 0 and 1"),
        ({"yi": YI, "vi": VI, "level": "0.95"}, "between 0 and 1"),
        ({"yi": YI, "vi": VI, "level": math.nan}, "between 0 and 1"),
        ({"yi": [0.1, 0.2, 0.3], "vi": [1e-300, 1.0, 1e300]}, "too far apart"),
    ],
)
def test_refused_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        km.pool(**arguments)


def test_tiny_and_huge_variances_are_pooled() -> None:
    fit = km.pool(yi=[0.25, 1.5, -0.75], vi=[1e-12, 1.0, 1e12], tau2="EE", ci="Wald")
    assert fit.estimate == pytest.approx(0.25, rel=1e-11)
    for unit in (1e-100, 1e100):
        one, two = km.pool(yi=YI, vi=VI), km.pool(yi=np.array(YI) * unit, vi=np.array(VI) * unit**2)
        assert two.estimate / unit == pytest.approx(one.estimate, rel=1e-11)
        assert two.i2 == pytest.approx(one.i2, rel=1e-10)


def test_nothing_given_is_changed() -> None:
    es = table(label=list("ABCDE"))
    stamp(es, name="trials", version="1.0", sha256="ab")
    before, attrs = es.copy(), dict(es.attrs)
    fit = km.pool(es)
    pd.testing.assert_frame_equal(es, before)
    assert es.attrs == attrs
    fit.rows.loc[0, "yi"] = 99.0
    assert es.loc[0, "yi"] == YI[0]
    for array in (fit.weights, fit.yi, fit.vi):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
    with pytest.raises(AttributeError):
        fit.k = 3  # type: ignore[misc]


def test_provenance_follows_the_rows() -> None:
    es = table(label=list("ABCDE"))
    stamp(es, name="trials", version="1.0", sha256="ab")
    fit = km.pool(es)
    assert fit.provenance.dataset == "trials 1.0"
    assert fit.provenance.dataset_sha256 == "ab"
    assert fit.provenance.n_rows == 5
    assert fit.provenance.rows_sha256 != km.pool(es.iloc[:4]).provenance.rows_sha256
    assert fit.provenance.line() in str(fit)


def test_pandas_missing_values_and_integers() -> None:
    es = pd.DataFrame(
        {
            "yi": pd.array([1, 2, None], dtype="Int64"),
            "vi": pd.array([1, 2, 3], dtype="Int64"),
            "reason": pd.array([None, None, "no sd"], dtype="string"),
        }
    )
    fit = km.pool(es, ci="Wald")
    assert fit.k == 2
    assert fit.yi.dtype == np.float64


def test_dict_is_plain_and_complete() -> None:
    fit = km.pool(table(record_id=[f"KM{i}" for i in range(5)], measure="SMD"))
    plain = json.loads(json.dumps(fit.to_dict(), allow_nan=False))
    assert plain["estimate"] == fit.estimate
    assert plain["tau2_ci"] == list(fit.tau2_ci)
    assert [study["weight"] for study in plain["studies"]] == fit.weights.tolist()
    assert plain["studies"][0]["record_id"] == "KM0"
    assert plain["provenance"]["n_rows"] == 5
    assert plain["boundary"] is False
    single = json.loads(json.dumps(km.pool(yi=[0.1], vi=[0.2]).to_dict(), allow_nan=False))
    assert (single["tau2"], single["df"], single["tau2_ci"]) == (None, None, [None, None])


def test_frame_has_the_names_of_the_project() -> None:
    frame = km.pool(table(measure="OR")).to_frame()
    assert {"estimate", "se", "ci_low", "ci_high", "pi_low", "pi_high", "p", "k"} <= set(frame.columns)
    assert frame.loc[0, "scale"] == "log"
    assert km.pool(table(measure="SMD")).to_frame().loc[0, "scale"] == "identity"


def test_sentence() -> None:
    """Numbers of rma(test="knha") on the same data: -0.5760 [-1.0044, -0.1476], [-1.2940, 0.1420], 39.81%."""
    fit = km.pool(table(measure="SMD"))
    assert fit.sentence() == (
        "The pooled SMD was −0.58 (95% CI −1.00 to −0.15; 95% prediction interval −1.29 to 0.14; k = 5; "
        "tau2 = 0.04, I2 = 40%)."
    )
    assert "99% CI" in km.pool(table(), level=0.99).sentence()
    assert km.pool(table()).sentence().startswith("The pooled effect was")


def test_ratios_are_shown_as_ratios_and_stored_as_logs() -> None:
    fit = km.pool(table(measure="OR"))
    assert fit.ratio
    assert fit.estimate == km.pool(table()).estimate
    assert f"The pooled OR was {math.exp(fit.estimate):.2f}" in fit.sentence()
    assert f"[{math.exp(fit.ci_low):.2f}, {math.exp(fit.ci_high):.2f}]" in str(fit)
    assert "natural log" in str(fit)
    assert "natural log" not in str(km.pool(table(measure="SMD")))


def test_card() -> None:
    fit = km.pool(table(measure="SMD<b>"))
    text, html = str(fit), fit._repr_html_()
    for part in ("I2 (%)", "tau2", "Q (df = 4)", "REML", "t with 4 degrees of freedom", "Q-profile"):
        assert part in text
    assert "<b>" not in html.replace("</b>", "")
    assert "SMD&lt;b&gt;" in html
    assert repr(fit).startswith("<Pooled The pooled")


def test_settings_of_the_user_stay() -> None:
    filters = list(warnings.filters)
    state = np.geterr()
    km.pool(table())
    assert warnings.filters == filters
    assert np.geterr() == state


def test_a_quantile_that_overflows_is_infinite_not_wrong() -> None:
    """Kenward-Roger degrees of freedom can fall to almost nothing; t then has no finite quantile in floats."""
    inference = Inference(estimate=0.5, se=1.0, df=np.array([1e-4, 0.003, 0.02, 0.5, 1.0, 5.0]), level=0.95)
    critical = inference.critical
    assert np.isinf(critical[:2]).all()
    tail = special.stdtr(np.array([0.02, 0.5, 1.0, 5.0]), -critical[2:])
    np.testing.assert_allclose(tail, 0.025, rtol=1e-6)


def test_rooms_are_there_without_an_import_of_their_own() -> None:
    code = "import ketameta as km; print(km.models.permutation.__name__, km.effects.smd.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["permutation", "smd"]
