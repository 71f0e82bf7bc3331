"""Papers of the methods: what each result names, and one BibTeX file of all."""

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.curves import compare, durability, responding
from ketameta.errors import DataError
from ketameta.evidence.references import parse_bibtex
from ketameta.models import permutation, rhodes2015, turner2015
from ketameta.reporting import method_references, references_bib
from ketameta.reporting.method_references import REFERENCES, references_for
from ketameta.reporting.references import references_of

YI, VI = [-1.10, -0.35, -0.62, -0.18, -0.80], [0.09, 0.05, 0.04, 0.07, 0.11]
TABLE = pd.DataFrame({"yi": YI, "vi": VI, "drug": list("kkekk"), "year": [2000, 2006, 2010, 2013, 2018]})
TIMES = pd.DataFrame(
    {"cohort_id": list("aabbccd"), "time_hours": [24, 168, 24, 168, 24, 72, 24], "vi": 0.05}
).assign(yi=[-0.8, -0.4, -0.6, -0.2, -1.0, -0.7, -0.5])


def test_every_key_that_a_result_may_name_has_an_entry():
    tables = [method_references._TAU2, method_references._CI, method_references._PREDICTION]
    tables += [method_references._INTERVAL, method_references._COUNTS]
    named = {key for table in tables for keys in table.values() for key in keys}
    for table in (
        method_references._MANTEL_HAENSZEL,
        method_references._PRIORS,
    ):
        named |= set(table.values())
    assert named <= set(REFERENCES)


def test_entries_are_complete():
    for key, work in REFERENCES.items():
        assert work.key == key
        assert work.authors
        assert work.title
        assert work.container or work.kind == "book"
        assert key.endswith(work.year)
        assert key.startswith(work.authors[0][0].replace("ö", "o").lower()[:5])
    dois = [work.doi.lower() for work in REFERENCES.values() if work.doi]
    assert len(set(dois)) == len(dois)


@pytest.mark.parametrize(
    "tau2", ["DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM", "HSk", "DL2", "HE2", "GENQ"]
)
@pytest.mark.parametrize("ci", ["Wald", "HKSJ-adhoc"])
def test_pools_name_entries_that_exist(tau2, ci):
    keys = references_for(km.pool(yi=YI, vi=VI, tau2=tau2, ci=ci))
    assert set(keys) <= set(REFERENCES)
    assert len(set(keys)) == len(keys)
    assert ("jackson2017" in keys) == (ci == "HKSJ-adhoc")


def test_a_pool_names_what_it_used_and_nothing_else():
    fit = km.pool(yi=YI, vi=VI)
    assert references_for(fit) == (
        "viechtbauer2005",
        "hartung2001",
        "sidik2002",
        "viechtbauer2007",
        "higgins2002",
        "higgins2009",
    )
    assert "partlett2017" in references_for(km.pool(yi=YI, vi=VI, ci="KR"))
    assert {"hardy1996", "zou2008"} <= set(references_for(km.pool(yi=YI, vi=VI, tau2="ML", ci="profile")))
    assert "nagashima2019" in references_for(km.pool(yi=YI, vi=VI, prediction="bootstrap"))
    options = km.PoolOptions(tau2_interval="GENQ")
    assert "jackson2013" in references_for(km.pool(yi=YI, vi=VI, options=options))
    assert references_for(km.pool(yi=YI[:1], vi=VI[:1])) == ()
    assert references_for(km.pool(yi=YI, vi=VI, tau2="EE", ci="Wald")) == ("higgins2002",)


def test_every_kind_of_result_names_its_methods():
    table = TABLE.assign(study=list("aabbc"), trial=list("vwxyz"))
    model = km.multilevel(table, random="1 | study/trial")
    both = {
        "borenstein2009": km.subgroups(TABLE, "drug", ci="Wald"),
        "knapp2003": (regression := km.regress(TABLE, "year")),
        "follmann1999": permutation(km.pool(TABLE)),
        "higgins2004": permutation(regression),
        "konstantopoulos2011": model,
        "tipton2015": model.robust("study"),
        "sato1989": km.counts([4, 6, 3], [23, 36, 31], [11, 29, 11], [29, 33, 20], measure="RD"),
        "yusuf1985": km.counts([4, 6, 3], [23, 36, 31], [11, 29, 11], [29, 33, 20], method="Peto"),
        "stijnen2010": km.counts([4, 6, 3], [23, 36, 31], [11, 29, 11], [29, 33, 20], method="CM.EL"),
        "rover2020": km.bayes(yi=YI, vi=VI),
        "turner2015": km.bayes(TABLE.assign(measure="OR"), tau_prior=turner2015("mental health", "placebo")),
        "rhodes2015": km.bayes(TABLE.assign(measure="SMD"), tau_prior=rhodes2015("mental health", "placebo")),
        "musekiwa2016": durability(TIMES),
        "burnham2002": compare(TIMES, curves=["piecewise", "polynomial"]),
    }
    for key, result in both.items():
        assert key in references_for(result)
        assert set(references_for(result)) <= set(REFERENCES)


def test_recovered_numbers_name_their_formulas():
    rows = pd.DataFrame(
        {
            "measure": ["SMD", "SMD"],
            "imputed": ["", "sd_t = x (Wan et al. 2014); mean_t = y (Luo et al. 2018)"],
        }
    )
    assert references_for(rows) == ("hedges1981", "wan2014", "luo2018")
    assert references_for(pd.DataFrame({"measure": ["MD"]})) == ()


def test_one_bibtex_file_of_software_data_methods_and_trials():
    trials = km.load_trials()
    found = km.select(trials, indication="PTSD", outcome="ptsd", hours=(20, 36))
    es = km.effect_sizes(found, measure="MD")
    fit = km.pool(es)
    works = references_of(parse_bibtex(references_bib(fit, es, found), "written"))
    expected = [
        "ketameta",
        "ketameta_data",
        *references_for(fit),
        *(work.key for work in km.cite(found).references),
    ]
    assert list(works) == expected
    assert works["ketameta"].title == km.cite().references[0].title


def test_rows_without_a_report_are_named_in_a_comment():
    text = references_bib(km.pool(yi=YI, vi=VI))
    assert "% 5 of 5 rows without a report" in text
    assert "hartung2001" in parse_bibtex(text, "written")["key"].tolist()
    assert references_bib() == km.cite().bibtex
    assert "follmann1999" in references_bib(permutation(km.pool(yi=YI, vi=VI)))


@pytest.mark.parametrize("what", ["text", None, np.zeros(3)])
def test_what_is_no_result_is_refused(what):
    with pytest.raises(DataError, match=r"no methods are known|holds no rows"):
        references_bib(what)
    with pytest.raises(DataError, match="no methods are known"):
        references_for(what)


def test_shares_name_their_likelihood():
    arms = pd.DataFrame(
        {
            "cohort_id": list("aabb"),
            "time_hours": [24, 168, 24, 168],
            "events_t": [12, 9, 8, 6],
            "total_t": [20, 20, 18, 18],
            "events_c": [4, 5, 3, 4],
            "total_c": [20, 20, 17, 17],
        }
    )
    assert "breslow1993" in references_for(responding(arms))


def test_no_key_of_a_row_becomes_an_entry_of_the_file():
    """BibTeX reads an @ anywhere as the start of an entry, in comments too."""
    rows = pd.DataFrame({"report": ["x}@article{injected, title={t}}"], "yi": [0.1], "vi": [0.1]})
    text = references_bib(rows)
    assert "injected" in text
    assert "@" not in text.split("% ", 1)[1]


def test_a_table_whose_reports_cannot_be_read_is_refused():
    table = pd.DataFrame({("report", "a"): ["berman2000"], ("yi", "b"): [0.1]})
    with pytest.raises(DataError):
        references_bib(table)
