"""Scripts of to_r(): their text, the numbers that R found with them, and R itself where it is installed.

``python tests/reporting/test_to_r.py`` writes the scripts of ``tests/reference/to_r_*.R`` anew; ``Rscript to_r.R`` there runs
them.
"""

import math
import re
import shutil
import subprocess
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.reporting import to_r
from ketameta.reporting._rscript import r_number, r_string
from ketameta.reporting.r_scripts import _KINDS

REFERENCE = Path(__file__).parents[1] / "reference"
HOSTILE = 'a "b" \\ \n # 50% $x é ł \U0001f600 \x00 `rm(d)` \')'
EXACT, SEARCHED, APPROXIMATE = 1e-8, 1e-4, 1e-3
RSCRIPT = shutil.which("Rscript")
LABELS = [HOSTILE, "Feder 2014", "Murrough\t2013", "Ünal 2020", "", "x" * 60, "F", "G", "H"]


def trials() -> pd.DataFrame:
    """Nine made-up trials; the first has a name that must not break a script."""
    return pd.DataFrame(
        {
            "label": LABELS,
            "yi": [-1.10, -0.35, -0.62, -0.18, -0.80, -0.41, 0.12, -0.93, -0.55],
            "vi": [0.09, 0.05, 0.04, 0.07, 0.11, 0.03, 0.06, 0.08, 0.045],
            "year": [-12, -6, -2, 1, 6, 7, 8, 10, 12],
            "control": ["saline"] * 4 + ['"mida\nzolam"'] * 5,
            "measure": "SMD",
        }
    )


def repeated() -> pd.DataFrame:
    """Eight made-up trials that measured at several times."""
    hours = [
        [4, 24, 72],
        [24, 168],
        [24, 72, 168],
        [4, 24, 168],
        [24, 72],
        [24, 168, 336],
        [4, 24],
        [72, 168],
    ]
    rows = [(f"trial {i}", hour, i, j) for i, times in enumerate(hours) for j, hour in enumerate(times)]
    table = pd.DataFrame(rows, columns=["cohort_id", "time_hours", "trial", "occasion"])
    x = np.log(table["time_hours"].to_numpy())
    wave = np.sin(3.1 * table["trial"] + 0.9) * 0.35 + np.cos(2.3 * table["occasion"] + table["trial"]) * 0.12
    return table.assign(yi=-0.9 + 0.11 * x + wave, vi=0.03 + 0.004 * (table["trial"] % 4))


def small() -> pd.DataFrame:
    """The trials in a unit ten thousand times larger: all variances lie near 1e-9."""
    es = trials()
    return es.assign(yi=1e-4 * es["yi"], vi=1e-8 * es["vi"])


def wide() -> pd.DataFrame:
    """Trials with effects a thousand times farther apart than their standard errors."""
    es = trials().head(6)
    return es.assign(yi=1e6 * es["yi"], vi=1e6 * es["vi"])


COUNTS = ([18, 3, 9, 0, 27, 6], [24, 19, 20, 15, 31, 22], [4, 4, 6, 1, 6, 8], [25, 18, 21, 14, 30, 20])


@cache
def results() -> dict[str, object]:
    """A result for each script."""
    es, over_time = trials(), repeated()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "pool": km.pool(es),
            "pool_dl": km.pool(es, tau2="DL", ci="Wald"),
            "pool_pm": km.pool(es, tau2="PM", ci="HKSJ-adhoc", level=0.9),
            "pool_genq": km.pool(es, tau2="GENQ"),
            "pool_dl2": km.pool(es, tau2="DL2"),
            "pool_profile": km.pool(es, tau2="ML", ci="profile"),
            "pool_kr": km.pool(es, ci="KR"),
            "pool_hts": km.pool(es, prediction="t(k-2)"),
            "pool_ee": km.pool(es.assign(measure="OR"), tau2="EE", ci="Wald"),
            "pool_small": km.pool(small(), tau2="ML", ci="Wald", level=0.2),
            "pool_wide": km.pool(wide(), tau2="EB"),
            "pool_one": km.pool(es.head(1)),
            "subgroups": km.subgroups(es, "control"),
            "subgroups_common": km.subgroups(es, "control", common_tau2=True, tau2="ML", ci="Wald"),
            "regress": km.regress(es, "year + control"),
            "regress_he2": km.regress(es, "year", tau2="HE2", ci="Wald"),
            "multilevel": km.multilevel(
                over_time.assign(id=range(len(over_time))), V=0.5, random="1 | cohort_id/id"
            ),
            "multilevel_car": km.multilevel(
                over_time, moderators="time_hours", random="time_hours | cohort_id", structure="CAR"
            ),
            "multilevel_hcs": km.multilevel(
                over_time[over_time["occasion"] < 2],
                V=0.3,
                random="occasion | cohort_id",
                structure="HCS",
                method="ML",
                options=km.MultilevelOptions(test="z"),
            ),
            "curve": km.durability(over_time, knots=[4, 24, 168]),
            "curve_piecewise": km.durability(over_time, curve="piecewise", knots=[4, 72, 336], ci="Wald"),
            "counts": km.counts(*COUNTS),
            "counts_rd": km.counts(*COUNTS, measure="RD"),
            "counts_peto": km.counts(*COUNTS, method="Peto"),
            "counts_fs": km.counts(*COUNTS, method="UM.FS"),
            "counts_el": km.counts(*COUNTS, method="CM.EL", ci="t"),
        }


NAMES = [path.stem.removeprefix("to_r_") for path in sorted(REFERENCE.glob("to_r_*.R"))]


def settled(text: str) -> str:
    return re.sub(r"ketameta \d+\.\d+\.\d+\S*;", "ketameta VERSION;", text)


def renew() -> None:
    for name, result in results().items():
        (REFERENCE / f"to_r_{name}.R").write_text(settled(to_r(result)), encoding="ascii")


def test_there_is_a_script_for_each_result():
    assert set(NAMES) == set(results())
    assert {type(result) for result in results().values()} == set(_KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_script_is_the_one_that_was_run(name):
    assert settled(to_r(results()[name])) == (REFERENCE / f"to_r_{name}.R").read_text(encoding="ascii")


@pytest.mark.parametrize("name", NAMES)
def test_metafor_found_the_same(name):
    found = pd.read_csv(REFERENCE / "to_r.csv", keep_default_na=False)
    found = found[found["case"] == name]
    result = results()[name]
    analysis = _KINDS[type(result)](result)
    wanted = {key: value for key, value in analysis.expected.items() if math.isfinite(value)}
    assert len(found) == len(wanted) > 2
    tolerance = EXACT
    if name.startswith(("multilevel", "curve")):
        tolerance = SEARCHED
    if name in ("counts_fs", "counts_el"):
        tolerance = APPROXIMATE
    for value, (key, expected) in zip(found["value"].astype(float), wanted.items(), strict=True):
        assert value == pytest.approx(expected, rel=tolerance, abs=1e-12 if tolerance == EXACT else 1e-6), key


def test_what_metafor_does_not_have_is_said():
    assert "no Kenward-Roger interval" in to_r(results()["pool_kr"])
    assert "ci_low" not in to_r(results()["pool_kr"])
    assert "no profile-likelihood interval" in to_r(results()["pool_profile"])
    fit = km.pool(trials(), prediction="bootstrap", options=km.PoolOptions(tau2_interval="GENQ"))
    assert "The prediction interval (bootstrap) is not in metafor" in to_r(fit)
    assert "The interval of tau2 (GENQ) is not compared." in to_r(fit)


def test_at_the_edge_of_tau2_a_binomial_normal_model_is_compared_by_its_estimate():
    fit = km.counts([6, 9, 7, 8], [20, 31, 24, 27], [3, 5, 4, 4], [20, 31, 24, 27], method="CM.EL")
    assert fit.boundary
    assert "edge of its range" in to_r(fit)
    assert '"se"' not in to_r(fit)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: km.counts(*COUNTS, tau2="DL"), "Review Manager"),
        (lambda: km.counts(*COUNTS, method="UM.RS"), "Laplace"),
        (lambda: km.durability(repeated(), curve="exponential"), "not linear"),
        (
            lambda: km.durability(repeated(), knots=[4, 168], options=km.CurveOptions(random="level+decay")),
            "level",
        ),
        (lambda: km.bayes(trials()), "no R script of a Posterior"),
        (lambda: 3, "no R script of a int"),
        (
            lambda: km.multilevel(
                repeated(),
                random="1 | cohort_id",
                options=km.MultilevelOptions(fixed={"tau2(cohort_id)": 0.1}),
            ),
            "held fixed",
        ),
    ],
)
def test_what_metafor_cannot_do_is_refused_with_the_reason(make, why):
    with pytest.raises(ModelError, match=why):
        to_r(make())


@pytest.mark.parametrize("formula", ["I(calendar**2) + calendar", "ton"])
def test_a_design_that_metafor_takes_for_singular_is_refused(formula):
    es = trials().assign(calendar=lambda t: 2010.0 + t["year"], ton=lambda t: 1e-6 * t["year"])
    with pytest.raises(ModelError, match="takes the columns of this design for dependent"):
        to_r(km.regress(es, formula, tau2="DL"))
    repaired = {"ton": "scale(ton)"}.get(formula, "I(center(calendar)**2) + center(calendar)")
    assert "rma(" in to_r(km.regress(es, repaired, tau2="DL"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: km.pool(trials(), level=0.005),
        lambda: km.counts(*COUNTS, level=0.005),
        lambda: km.multilevel(repeated(), random="1 | cohort_id", options=km.MultilevelOptions(level=0.005)),
    ],
)
def test_a_level_that_metafor_takes_for_another_is_refused(make):
    with pytest.raises(ModelError, match="below 1 percent"):
        to_r(make())


def test_scripts_are_ascii_and_names_stay_inside_their_strings():
    for result in results().values():
        text = to_r(result)
        assert text.isascii()
        assert all(line.isprintable() for line in text.split("\n"))
    assert r_string(HOSTILE) == (
        '"a \\"b\\" \\\\ \\u000a # 50% $x \\u00e9 \\u0142 \\U0001f600 \\ufffd `rm(d)` \')"'
    )
    assert r_string("\ud800") == '"\\ufffd"'


@pytest.mark.parametrize(
    "value", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.0, 1e22, 2**53 + 2.0]
)
def test_numbers_keep_all_their_digits(value):
    assert float(r_number(value)) == value


def r(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([RSCRIPT, "-"], input=code, capture_output=True, text=True, check=False)


@cache
def missing() -> str:
    """Why R cannot be asked, or an empty string."""
    if RSCRIPT is None:
        return "there is no Rscript"
    done = r('cat(all(sapply(c("metafor", "lme4", "BiasedUrn"), requireNamespace, quietly = TRUE)))')
    return "" if done.stdout.endswith("TRUE") else "R has no metafor, lme4 or BiasedUrn"


def needs_r() -> None:
    if why := missing():
        pytest.skip(why)


def test_r_runs_every_script(tmp_path):
    needs_r()
    for name, result in results().items():
        (tmp_path / f"{name}.R").write_text(to_r(result), encoding="ascii")
    done = r(
        f'for (file in Sys.glob(file.path("{tmp_path.as_posix()}", "*.R"))) '
        "suppressWarnings(source(file, local = new.env()))"
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_r_stops_where_a_number_was_changed():
    needs_r()
    script = to_r(results()["pool_dl"])
    fit = results()["pool_dl"]
    assert r(script.replace(r_number(fit.tau2), r_number(fit.tau2 * 1.0001))).returncode != 0
    assert "R and ketameta differ" in r(script.replace("-0.62,", "-0.63,")).stderr


def test_r_stops_where_a_tiny_number_was_changed():
    needs_r()
    fit, script = results()["pool_small"], to_r(results()["pool_small"])
    for value in (fit.tau2, fit.estimate, fit.pi_low):
        assert "R and ketameta differ" in r(script.replace(r_number(value), r_number(value * 1.001))).stderr


def test_r_reads_names_as_they_were():
    needs_r()
    done = r(f"cat(utf8ToInt({r_string(HOSTILE)}))")
    assert [int(code) for code in done.stdout.split()] == [ord(c) for c in HOSTILE.replace("\x00", "\ufffd")]


if __name__ == "__main__":
    renew()
