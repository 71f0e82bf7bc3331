"""What every result shows, as text and as HTML, kept in tests/golden and compared character by character.

After a change that is meant, run ``python tests/test_golden.py`` and read the difference that git shows.
Versions and hashes are written as ``VERSION`` and ``HASH``, the style sheet of a card as ``<style></style>``.
"""

import importlib
import inspect
import pkgutil
import re
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta import robustness
from ketameta._render import Shown, interval, number
from ketameta.curves import compare, relapse, responding
from ketameta.effects import covariance, mean_sd_from_quantiles, smd
from ketameta.errors import SelectionError
from ketameta.evidence import Trials, load_missing
from ketameta.models import Pooled, permutation
from ketameta.reporting import Report, prisma_items, receipt
from ketameta.reporting.citing import Citations
from ketameta.reporting.references import Reference

GOLDEN = Path(__file__).resolve().parent / "golden"


def effects() -> pd.DataFrame:
    """Nine made-up trials in three groups; one has a hostile name, one no effect."""
    return pd.DataFrame(
        {
            "label": [*(f"Trial {letter} {2010 + i}" for i, letter in enumerate("ABCDEFGH")), "<b>I & J</b>"],
            "study_id": list("abcdefghi"),
            "yi": [-0.9, -0.2, -0.6, -0.4, -1.1, -0.3, -0.7, np.nan, -0.5],
            "vi": [0.10, 0.05, 0.08, 0.06, 0.20, 0.04, 0.09, np.nan, 0.07],
            "reason": ["", "", "", "", "", "", "", "no SD", ""],
            "measure": "SMD",
            "outcome": "depression",
            "year": np.arange(2010.0, 2019.0),
            "comparator_class": ["inactive", "psychoactive", "inactive"] * 3,
        }
    )


def over_time() -> pd.DataFrame:
    """Four made-up trials measured at two or three times."""
    return pd.DataFrame(
        {
            "cohort_id": list("aaabbccddd"),
            "study_id": list("aaabbccddd"),
            "time_hours": [4.0, 24, 168, 24, 72, 24, 168, 4, 72, 168],
            "yi": [-0.9, -0.8, -0.3, -0.6, -0.5, -1.0, -0.4, -0.7, -0.6, -0.2],
            "vi": [0.08, 0.08, 0.09, 0.05, 0.05, 0.12, 0.11, 0.10, 0.09, 0.10],
            "measure": "SMD",
            "outcome": "depression",
        }
    )


def shares() -> pd.DataFrame:
    """Five made-up trials with responders of both arms at two or three times."""
    times = {"a": (24, 72, 168), "b": (24, 168), "c": (24, 72), "d": (72, 168), "e": (24, 72, 168)}
    rows = [(trial, float(time)) for trial, measured in times.items() for time in measured]
    return pd.DataFrame(
        {
            "study_id": [trial for trial, _ in rows],
            "time_hours": [time for _, time in rows],
            "events_t": [14, 12, 8, 20, 11, 9, 8, 13, 9, 25, 21, 15],
            "total_t": [24, 24, 24, 40, 40, 18, 18, 30, 30, 50, 50, 50],
            "events_c": [4, 5, 4, 8, 7, 3, 4, 7, 6, 9, 10, 10],
            "total_c": [24, 24, 24, 38, 38, 17, 17, 30, 30, 48, 48, 48],
        }
    )


def table() -> Trials:
    """Made-up rows with arm statistics: two of one trial, one that stands apart."""
    return Trials(
        {
            "record_id": ["R1", "R2", "R3", "R4", "R5"],
            "study_id": ["a", "a", "b", "c", "d"],
            "cohort_id": ["a", "a", "b", "c", "d"],
            "indication": ["MDD", "MDD", "MDD", "PTSD", "MDD"],
            "outcome": ["depression", "depression", "depression", "ptsd", "depression"],
            "score_type": "endpoint",
            "status": ["include", "include", "include", "include", "apart"],
            "reason": ["", "", "", "", "unclear numbers"],
            "time_hours": [24.0, 30.0, 24.0, 24.0, 24.0],
            "n_t": [20, 20, 31, 15, 12],
            "mean_t": [14.0, 14.5, 17.2, 30.0, 15.0],
            "sd_t": [8.0, 8.1, 9.5, -2.0, 7.0],
            "n_c": [21, 21, 30, 16, 12],
            "mean_c": [21.0, 20.0, 20.1, 38.0, 18.0],
            "sd_c": [9.0, 9.2, 8.8, 12.0, 7.5],
        }
    )


def doubts(fit: Pooled, rows: Trials) -> dict[str, object]:
    """One of everything that says whether a result would stand."""
    universes = km.multiverse(
        rows,
        {"indication": "MDD", "outcome": "depression"},
        {"window": ((18, 36, 24), (100, 200)), "score": (None, "endpoint"), "tau2": ("REML", "DL")},
        progress=False,
    )
    return {
        "left_out": km.leave_one_out(fit),
        "cumulative": km.cumulative(fit),
        "influence": km.influence(fit),
        "gosh": km.gosh(fit, progress=False),
        "small_study_test": robustness.egger(fit),
        "pet_peese": robustness.pet_peese(fit),
        "excess_significance": robustness.excess_significance(fit),
        "trim_fill": robustness.trim_and_fill(fit),
        "limit_meta": robustness.limit_meta_analysis(fit),
        "selection_model": robustness.selection_model(fit),
        "bias": km.bias(fit),
        "unblinding": robustness.unblinding(fit, threshold=-0.24),
        "missing_evidence": robustness.missing_evidence(fit, [40, 20, None]),
        "rob_me": robustness.rob_me(rows, load_missing().head(4), indication="MDD", outcomes=["depression"]),
        "multiverse": universes,
        "universe_share": universes.share(below=-0.24),
    }


@cache
def shown() -> dict[str, object]:
    """One of everything that shows itself at the end of a cell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        es, times, rows = effects(), over_time(), table()
        fit, curve = km.pool(es), km.durability(times)
        regression, posterior = km.regress(es, "year + comparator_class"), km.bayes(es)
        multilevel = km.multilevel(times, V=covariance(times), random="1 | study_id")
        hazard = pd.DataFrame({"study_id": ["a"], "yi": [-0.7], "vi": [0.04], "measure": ["HR"]})
        return {
            "trials": rows,
            "check": km.check_trials(rows),
            "selection": km.select(rows, indication="MDD", hours=(18, 36)),
            "effect_sizes": smd([10.0, 11.0], [5.0, 5.0], [20, 30], [14.0, 15.0], [5.0, 6.0], [22, 31]),
            "mean_sd": mean_sd_from_quantiles(n=40, q1=10.0, median=14.0, q3=19.0),
            "covariance": covariance(times),
            "pooled": fit,
            "provenance": fit.provenance,
            "probability": fit.probability(below=-0.24),
            "subgroups": km.subgroups(es, "comparator_class"),
            "regression": regression,
            "linear_test": regression.test("year"),
            "bubble": regression.bubble("year"),
            "permutation": permutation(fit, progress=False),
            "counts": km.counts([12, 9, 20], [30, 25, 50], [5, 4, 11], [30, 26, 49]),
            "posterior": posterior,
            "marginal": posterior.study("Trial A 2010"),
            "multilevel": multilevel,
            "robust": multilevel.robust(),
            "profile": multilevel.profile("tau2(study_id)"),
            "curve": curve,
            "half_life": curve.half_life,
            "leave_one_out": curve.leave_one_out(),
            "same_trials": curve.same_trials(early=(20, 30), late=(120, 240)),
            "comparison": compare(times, curves=["spline", "exponential"]),
            "responding": responding(shares()),
            "relapse": relapse(hazard, median_hours=1000.0, median_ci=(500.0, 2000.0)),
            "citations": Citations(
                (Reference("a", "article", "<b>A</b> trial", (("Smith", "A"),), date="2020"),)
            ),
            "methods": km.methods_text(fit, posterior, style="markdown"),
            "prisma": prisma_items(fit),
            "findings": km.summary_of_findings({"Depression, <24 h>": fit}),
            "report": Report(Path("out"), (), (), (), (), ()),
            **doubts(fit, rows),
            "receipt": receipt(fit),
            "verification": km.verify({**receipt(fit).to_dict(), "record_sha256": "0" * 64}, trials=es),
            "error": SelectionError("no row of the table has indication='<MMD>'.\nDid you mean 'MDD'?"),
        }


def settled(text: str) -> str:
    """Text without what changes from one version, or one machine, to the next."""
    text = re.sub(r"<style>.*?</style>", "<style></style>", text, flags=re.DOTALL)
    text = text.replace(f"ketameta {km.__version__}", "ketameta VERSION")
    text = re.sub(r"\b(Python|numpy|scipy|pandas) \d[\w.]*\b", r"\1 VERSION", text)
    return re.sub(r"\b(?:[0-9a-f]{64}|(?<=SHA-256 )[0-9a-f]{12})\b", "HASH", text) + "\n"


def forms(name: str) -> dict[str, str]:
    """File names and what they should hold."""
    result = shown()[name]
    return {f"{name}.txt": settled(str(result)), f"{name}.html": settled(result._repr_html_())}


def renew() -> None:
    """Write all files anew."""
    for file in GOLDEN.iterdir():
        file.unlink()
    for name in shown():
        for file, text in forms(name).items():
            (GOLDEN / file).write_text(text, encoding="utf-8")


NAMES = sorted({file.stem for file in GOLDEN.iterdir()})


@pytest.mark.parametrize("name", NAMES)
def test_result_looks_as_before(name):
    for file, text in forms(name).items():
        assert text == (GOLDEN / file).read_text(encoding="utf-8"), "see the head of this module"


def test_every_result_is_among_them():
    for module in pkgutil.walk_packages(km.__path__, "ketameta."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    classes, waiting = set(), [Shown]
    while waiting:
        waiting += (found := waiting.pop().__subclasses__())
        classes |= {
            each.__name__
            for each in found
            if each.__module__.startswith("ketameta.") and not inspect.isabstract(each)
        }
    assert set(shown()) == set(NAMES)
    assert classes <= {type(result).__name__ for result in shown().values()}


def test_numbers_are_those_of_the_results():
    text = {name: (GOLDEN / f"{name}.txt").read_text(encoding="utf-8") for name in NAMES}
    fit = shown()["pooled"]
    assert re.search(
        rf"SMD +{number(fit.estimate)} +{re.escape(interval(fit.ci_low, fit.ci_high))}", text["pooled"]
    )
    life = shown()["half_life"]
    assert f" {life.value_days:.1f} d " in text["half_life"]
    groups = shown()["subgroups"].to_frame()
    for estimate in groups["estimate"]:
        assert number(estimate) in text["subgroups"]
    slope = shown()["regression"].coefficients.set_index("term").loc["year", "estimate"]
    assert f" {number(slope, 3)} " in text["regression"]


@pytest.mark.parametrize("name", NAMES)
def test_html_brings_nothing_from_outside_and_no_colour_of_its_own(name):
    page = shown()[name]._repr_html_()
    for word in ("<script", "<b>", "http", "url(", "onerror", "#", "rgb", "color: black", "color: white"):
        assert word not in page.replace("&#x27;", "").replace("<th scope='col'>#</th>", "")
    if name != "error":
        assert "<caption>" in page
        assert page.count("<th scope='row'>") == page.count("<tr>") - page.count("<caption>")


def test_in_a_list_a_result_is_one_sentence():
    for name, result in shown().items():
        if isinstance(result, Shown):
            assert repr(result) == f"<{type(result).__name__} {result.sentence()}>", name
            assert "\n" not in repr(result)


if __name__ == "__main__":
    renew()
