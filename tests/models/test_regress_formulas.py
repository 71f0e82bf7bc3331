"""regress: formulas that are refused, and those that compute."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('true')",
        "{__import__('os').system('true')}",
        "I(__import__('os').system('true'))",
        "C(__import__('os'))",
        "I((lambda: 1)())",
        "I([c for c in year])",
        "I(f'{year}')",
        "I(year.__class__)",
        "I(year if dose else year)",
        "I(year := 3)",
        "year[0]",
        "np.log(year)",
        "eval('1')",
        "exec('1')",
        "open('x')",
        "hashed(group)",
        "lag(year)",
        "Q('year')",
        "I(year > __import__('os').getpid())",
        "I(0 > __import__('os').getpid())",
        "I(9**9**9**9 + year)",
        "I(year**99)",
        "I(year**year)",
        "poly(year, 99999)",
        "bs(year, df=10**9)",
        "bs(year, df=__import__('os'))",
        "bs(year, knots=[__import__('os')])",
        "C(group, contr.treatment('active'))",
        "C(group, levels=['a'])",
        "y ~ year",
        "year ~ dose",
        "year | group",
        "[year ~ dose]",
        "(year + dose)**2",
        "year^2",
        "year %in% group",
        "year / dose",
        "year + .",
        "year; dose",
        "year # dose",
        "2:year",
        "2*year",
        "'text'",
        "year +",
        "1",
        "0",
        "~",
        "",
        "   ",
        "\x00",
        "I(" + "-" * 400 + "year)",
        "year" + "+year" * 200,
        "year*dose*year*dose*year*dose*year*dose",
        "I(group)",
        "log(group)",
        "group + log(group)",
        "C(year) + year:log(year)",
        "yi",
        3,
        None,
        ["year"],
    ],
)
def test_refused_formulas(es, formula, monkeypatch):
    import os

    def never(*_):
        raise SystemExit("a formula was run")

    monkeypatch.setattr(os, "system", never)
    monkeypatch.setattr(os, "getpid", never)
    with pytest.raises(ModelError):
        km.regress(es, formula)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("poly(year, 2.5)", r"degree=2.5 in 'poly\(year, 2.5\)' must be a whole number from 1 to 20"),
        ("poly(year, degree=True)", "degree=True in .* must be a whole number"),
        ("poly(year, 2, raw=1)", "raw=1 in .* must be True or False"),
        ("bs(year, df='a')", "df='a' in .* must be a whole number"),
        ("bs(year, knots=['a'])", "must be up to 20 numbers"),
        ("bs(year, lower_bound='a')", "must be a number"),
        ("bs(year, lower_bound=2005)", r"bs\(\) holds between .* a value lies outside"),
        ("bs(year, df=1)", "cannot be computed: Invalid value for `df`"),
        ("__import__('os').system('true')", r"cannot be read \(invalid syntax\)"),
    ],
)
def test_refused_formulas_say_what_is_wrong(es, formula, message):
    with pytest.raises(ModelError, match=message) as caught:
        km.regress(es, formula)
    assert "Error:" not in str(caught.value)
    assert "<unknown>" not in str(caught.value)


def test_what_is_allowed_computes(es):
    for formula in (
        "I(year**2) + year",
        "poly(year, 2)",
        "poly(year, degree=2, raw=False)",
        "bs(year, df=4)",
        "bs(year, knots=[2005, 2012], degree=2)",
        "I(year > 2010)",
        "log(dose) + sqrt(dose)",
        "log2(dose)",
        "center(dose):scale(year)",
        "I(-dose + 2*year/3)",
        "~ year",
        "year - 1 + dose",
        "C(group)",
        "log(sqrt(dose))",
        "(" * 200 + "year" + ")" * 200,
    ):
        fit = km.regress(es, formula, tau2="DL")
        np.testing.assert_allclose(fit.design.rows(es), fit.design.x, rtol=1e-10, atol=1e-12)


def test_polynomials_predict_by_the_basis_of_the_fit(es):
    poly, raw = km.regress(es, "poly(year, 2)"), km.regress(es, "year + I(year**2)")
    at = pd.DataFrame({"year": [2003.5, 2019.5]})
    columns = ["estimate", "se", "pi_low"]
    np.testing.assert_allclose(poly.predict(at)[columns], raw.predict(at)[columns], rtol=1e-6)
    assert poly.qm == pytest.approx(raw.qm, rel=1e-6)


def test_formulaic_is_loaded_only_when_a_formula_is_read():
    code = "import sys, ketameta.models; print('formulaic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
