"""Reading of risk-of-bias judgements."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from ketameta.errors import FigureError
from ketameta.plots._rob import Judgements, read_judgements
from ketameta.plots._robtools import TOOLS, Level


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"Study": ["A 2001", "B 2002", "C 2003"], **columns})


def names(levels: tuple[Level | None, ...]) -> list[str | None]:
    return [level and level.name for level in levels]


def words(found: Judgements, column: int = 0) -> list[str | None]:
    return names(found.columns[column][1])


def test_a_table_as_it_is_commonly_kept() -> None:
    given = table(
        D1=["Low", "high", "Some concerns"],
        D2=["LOW RISK", "High risk of bias", "some-concerns"],
        D3=["L", "H", "S"],
        D4=["+", "x", "!"],
        D5=["No information", None, " "],
        Overall=["Low", "High", "High"],
        Weight=[10, "30", 60.0],
    )
    kept = given.copy()
    found = read_judgements(given)
    pd.testing.assert_frame_equal(given, kept)
    assert found.studies == ("A 2001", "B 2002", "C 2003")
    assert [domain.short for domain in found.domains] == ["D1", "D2", "D3", "D4", "D5"]
    assert found.domains[2].name == "Missing outcome data"
    assert words(found, 0) == ["low", "high", "some concerns"]
    assert words(found, 1) == words(found, 2) == words(found, 3) == words(found, 0)
    assert words(found, 4) == ["no information", None, None]
    assert found.n_missing == 2
    assert found.overall is not None
    assert names(found.overall) == ["low", "high", "high"]
    assert found.weights == (10.0, 30.0, 60.0)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_name_and_word_of_a_tool_is_read_as_it_stands(tool: str) -> None:
    for level in TOOLS[tool].levels:
        for word in (level.name, level.name.upper(), f"{level.name} risk", *level.words):
            assert words(read_judgements(pd.DataFrame({"study": ["A"], "D1": [word]}), tool)) == [level.name]


def test_one_word_means_one_level() -> None:
    for tool in TOOLS.values():
        said = [word for level in tool.levels for word in (level.name, *level.words)]
        assert len(said) == len(set(said))


def test_s_is_what_the_tool_says() -> None:
    one = pd.DataFrame({"study": ["A"], "D1": ["S"]})
    assert words(read_judgements(one, "RoB 2")) == ["some concerns"]
    assert words(read_judgements(one, "robins-i")) == ["serious"]


def test_headings() -> None:
    found = read_judgements(
        table(
            **{"Randomisation": "low", "D3": "low", "d4: Raters": "low", "Domain S": "low", "Funding": "low"}
        )
    )
    assert [(domain.short, domain.name) for domain in found.domains] == [
        ("D1", "Randomisation"),
        ("D3", "Missing outcome data"),
        ("D4", "Raters"),
        ("DS", "Period and carryover effects"),
        ("D2", "Funding"),
    ]
    unknown = read_judgements(table(D9="low"))
    assert (unknown.domains[0].short, unknown.domains[0].name) == ("D9", "D9")


@pytest.mark.parametrize("head", ["study", "LABEL", "Study_ID"])
def test_names_of_studies(head: str) -> None:
    found = read_judgements(pd.DataFrame({head: [" A\n2001 ", 7], "D1": "low"}))
    assert found.studies == ("A 2001", "7")


def test_of_several_names_the_study_is_taken() -> None:
    found = read_judgements(table(study_id=["a", "b", "c"], D1="low"))
    assert found.studies[0] == "A 2001"
    assert len(found.domains) == 1


def test_shares_against_counts_of_pandas() -> None:
    rng = np.random.default_rng(5)
    said = np.array(["low", "some concerns", "high", "no information", ""])
    given = pd.DataFrame(
        {"study": np.arange(40), **{f"D{i}": said[rng.integers(0, 5, 40)] for i in range(1, 6)}}
    )
    shares = read_judgements(given).shares()
    weights = rng.uniform(0, 9, 40)
    weighted = read_judgements(given.assign(weight=weights)).shares()
    for i in range(5):
        column = given[f"D{i + 1}"]
        np.testing.assert_allclose(shares[i], [(column == word).mean() for word in said], rtol=1e-12)
        expected = [weights[column == word].sum() / weights.sum() for word in said]
        np.testing.assert_allclose(weighted[i], expected, rtol=1e-12)
    np.testing.assert_allclose(weighted.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("given", "tool", "message"),
    [
        ([1], "RoB 2", "a DataFrame"),
        (pd.DataFrame({"study": [], "D1": []}), "RoB 2", "no rows"),
        (pd.DataFrame({"stduy": ["A"], "D1": ["low"]}), "RoB 2", "no column 'study'.*'stduy'"),
        (pd.DataFrame({"study": ["A"]}), "RoB 2", "no column of a domain"),
        (table(D1="low"), "RoB2.0", "'RoB 2', 'ROBINS-I', 'RoB 1'"),
        (table(D1="low"), None, "tool=None"),
        (
            table(D1=["low", "medium", "low"]),
            "RoB 2",
            r"row 2 \(B 2002\), column 'D1': 'medium'.*some concerns",
        ),
        (table(D1=["low", "serious", "low"]), "RoB 2", "tool='ROBINS-I'"),
        (table(D1=["low", "-", "low"]), "RoB 2", "A dash means"),
        (table(D1="low", Overall=["low", "low", "hgih"]), "RoB 2", "row 3 .*column 'Overall'"),
        (table(D1="low", d1="low"), "RoB 2", "'d1' stands twice"),
        (table(**{"D1": "low", "Domain 1": "low"}), "RoB 2", "two columns stand for domain 'D1'"),
        (pd.DataFrame({"study": ["A", "B", "A"], "D1": "low"}), "RoB 2", "'A' stands in row 1 and in row 3"),
        (pd.DataFrame({"study": ["A", None], "D1": "low"}), "RoB 2", "row 2 has no name"),
        (table(D1="low", weight=[1, "ten", 2]), "RoB 2", "'ten' is no weight"),
        (table(D1="low", weight=[1, float("nan"), 2]), "RoB 2", "no weight"),
        (table(D1="low", weight=[1, float("inf"), 2]), "RoB 2", "no weight"),
        (table(D1="low", weight=[1, -1, 2]), "RoB 2", "no weight"),
        (table(D1="low", weight=0), "RoB 2", "all weights"),
    ],
)
def test_what_cannot_be_read_is_named(given: object, tool: object, message: str) -> None:
    with pytest.raises(FigureError, match=message):
        read_judgements(given, tool)  # type: ignore[arg-type]


def lightness(colour: str) -> float:
    """L* of CIE 1976 of an sRGB colour."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * np.cbrt(y) - 16 if y > (6 / 29) ** 3 else y * (29 / 3) ** 3


@pytest.mark.parametrize("tool", TOOLS)
def test_levels_differ_in_symbol_and_in_lightness(tool: str) -> None:
    levels = TOOLS[tool].levels
    assert len({level.symbol for level in levels}) == len(levels)
    filled = [level for level in levels if level.colour != "none"]
    for one, other in combinations(filled, 2):
        assert abs(lightness(one.colour) - lightness(other.colour)) > 15
    for level in filled:
        black, paper = level.ink == "#000000", lightness(level.colour)
        assert (paper > 49) == black


def test_no_information_is_an_open_circle() -> None:
    (level,) = [level for level in TOOLS["RoB 2"].levels if level.name == "no information"]
    assert (level.symbol, level.colour) == ("", "none")
    assert replace(level, colour="#ffffff").ink == "#000000"
