"""The meta-analysis of Marchi et al. (2022), pooled from its printed numbers and by metafor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.effects import smd

from .published_trials import printed

ROOT = Path(__file__).resolve().parents[2]
IMPOSSIBLE = ["Domany", "Fedgchin", "Singh"]
LIKE_SE = ["Dong", "Kheirabadi", "Zhang", "Zhong"]
CHOICES = {"DL": ("DL", "Wald"), "REML": ("REML", "HKSJ")}


def marchi(rows: str, how: str) -> km.models.Pooled:
    """The pooled rows of Marchi et al. (2022): all, without the doubted, or with small SDs taken as SEs."""
    table = pd.read_csv(ROOT / "tests" / "evidence" / "data" / "marchi2022_depression.csv")
    first = table["Author"].str.split().str[0]
    if rows == "taken":
        for arm in "tc":
            root = np.sqrt(table[f"N{arm}"].where(first.isin(LIKE_SE), 1))
            table[f"SD{arm}"] = table[f"SD{arm}"] * root
    out = {"all": [], "without": IMPOSSIBLE + LIKE_SE, "taken": IMPOSSIBLE}[rows]
    table = table[~first.isin(out)]
    arms = (table[f"{part}{arm}"] for arm in "tc" for part in ("M", "SD", "N"))
    effect = smd(*arms, variance="UB")
    tau2, ci = CHOICES[how]
    return km.pool(yi=effect.yi, vi=effect.vi, tau2=tau2, ci=ci)


def test_marchi_2022() -> None:
    """Marchi et al. (2022), Frontiers in Neuroscience 16:1011103: SMD -0.61 [-1.06, -0.16], k = 17."""
    fit = marchi("all", "DL")
    assert fit.k == 17
    assert fit.estimate == printed(-0.61, 2)
    assert (fit.ci_low, fit.ci_high) == (printed(-1.06, 2), printed(-0.16, 2))


REPRODUCTIONS = pd.read_csv(ROOT / "tests" / "reference" / "reproductions.csv").set_index(["rows", "method"])


@pytest.mark.parametrize(("rows", "how"), REPRODUCTIONS.index)
def test_marchi_2022_by_metafor(rows: str, how: str) -> None:
    fit = marchi(rows, how)
    for name, expected in REPRODUCTIONS.loc[(rows, how)].items():
        assert getattr(fit, str(name)) == pytest.approx(expected, rel=1e-8, abs=1e-12), name


def test_marchi_2022_on_the_page() -> None:
    """docs/reproductions.md prints the numbers of reference/reproductions.csv."""
    page = (ROOT / "docs" / "reproductions.md").read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    lines = [line for line in page.splitlines() if "DL, Wald |" in line or "REML, HKSJ |" in line]
    found = [[cell.strip() for cell in line.split("|")[3:9]] for line in lines]
    assert found == [
        [
            f"{r.k:.0f}",
            f"{r.estimate:.2f}",
            f"{r.ci_low:.2f} to {r.ci_high:.2f}",
            f"{r.pi_low:.2f} to {r.pi_high:.2f}",
            f"{r.tau2:.2f}",
            f"{r.i2:.0f}%",
        ]
        for r in REPRODUCTIONS.itertuples()
    ]
