"""Study labels from study ids."""

from __future__ import annotations

import pandas as pd
import pytest

import ketameta as km
from ketameta.effects._labels import common_label, tidy_label


@pytest.mark.parametrize(
    ("study_id", "label"),
    [
        ("murrough2013", "Murrough 2013"),
        ("loo2016a", "Loo 2016a"),
        ("fedgchin2019_56mg", "Fedgchin 2019 (56 mg)"),
        ("daly2018_p1_28mg", "Daly 2018 (period 1, 28 mg)"),
        ("smithapeldoorn2024_oral_ol", "Smithapeldoorn 2024 (oral ol)"),
        ("chilukuri2014_im0.25", "Chilukuri 2014 (im0.25)"),
        ("transform12_pooled", "transform12_pooled"),
        ("ket01_02_240", "ket01_02_240"),
        ("escape_lte", "escape_lte"),
        ("O'Brien1999", "O'Brien 1999"),
        ("smith2021_", "smith2021_"),
        ("", ""),
    ],
)
def test_tidy_label(study_id: str, label: str) -> None:
    assert tidy_label(study_id) == label


def test_a_bare_dose_takes_its_unit_from_the_row() -> None:
    assert tidy_label("su2017_0.5", "0.5", "mg/kg") == "Su 2017 (0.5 mg/kg)"
    assert tidy_label("su2017_0.5", "0.2", "mg/kg") == "Su 2017 (0.5)"
    assert tidy_label("su2017_0.5") == "Su 2017 (0.5)"


def test_words_of_an_id_are_spelt_as_in_the_name_of_its_trial() -> None:
    panel = "SYNAPSE panel B (Japan)"
    assert (
        tidy_label("daly2018_panelB_japan_p1_14mg", trial=panel)
        == "Daly 2018 (panel B Japan, period 1, 14 mg)"
    )
    assert tidy_label("ket01_02_240", "240", "mg/day", "KET01-02") == "KET01-02 (240 mg/day)"
    assert tidy_label("sustain3_second_induction", trial="SUSTAIN-3") == "SUSTAIN-3 (second induction)"
    assert tidy_label("escape_lte", trial="extension of ESCAPE-TRD") == "escape_lte"
    assert tidy_label("ket01_02_240", trial="x" * 41) == "ket01_02_240"
    assert common_label(["ket01_02_120", "ket01_02_240"], ["a", "b"], "KET01-02") == "KET01-02"
    ids = ["daly2018_panelB_japan_p1_14mg", "daly2018_panelB_japan_p1_56mg"]
    assert common_label(ids, ["a", "b"], panel) == "Daly 2018 (panel B Japan, period 1)"


def test_common_label() -> None:
    assert common_label(["daly2018_p1_28mg", "daly2018_p1_56mg"], ["a", "b"]) == "Daly 2018 (period 1)"
    assert common_label(["su2017_0.5", "su2017_0.5"], ["a", "b"]) == "Su 2017 (0.5)"
    assert common_label(["fedgchin2019_56mg", "fedgchin2019_84mg"], ["a", "b"]) == "Fedgchin 2019"
    assert common_label(["a2001_x", "b2001_x"], ["A 2001", "B 2001"]) == "A 2001 + B 2001"


def test_a_label_column_goes_before_the_study_id() -> None:
    rows = pd.DataFrame(
        {
            "label": ["My trial", None, None],
            "study_id": ["able2001", "able2001", None],
            "record_id": ["KM1", "KM2", "KM3"],
            "n_t": 10,
            "mean_t": 1.0,
            "sd_t": 1.0,
            "n_c": 10,
            "mean_c": 2.0,
            "sd_c": 1.0,
        }
    )
    assert km.effect_sizes(rows)["label"].tolist() == ["My trial", "Able 2001", "KM3"]
    assert km.effect_sizes(rows.drop(columns=["label", "study_id", "record_id"]))["label"].tolist() == [
        "Row 1",
        "Row 2",
        "Row 3",
    ]
