"""A dozen figures look as they did when they were last looked at.

The pictures in ``baselines/`` hold for the versions of matplotlib, FreeType and forestplot that ``constraints.txt``
pins; with others the tests are skipped. After a change that is meant, look at the new pictures and keep them:

    KETAMETA_BASELINES=write python -m pytest tests/plots/test_baselines.py
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.ft2font import __freetype_version__ as freetype
from PIL import Image

import ketameta as km
from ketameta.curves import DurabilityCurve
from ketameta.plots import FigureOptions, ForestOptions
from ketameta.plots.baujat import baujat
from ketameta.plots.bubble import bubble
from ketameta.plots.drapery import drapery
from ketameta.plots.labbe import labbe
from ketameta.plots.prior_posterior import prior_posterior
from ketameta.plots.radial import radial
from ketameta.plots.rob import rob_plot

FOLDER = Path(__file__).parent / "baselines"
CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"
FREETYPE = "2.14.3"
DPI = 75


def pinned(package: str) -> bool:
    wanted = re.search(rf"^{package}==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), flags=re.M)
    return importlib.metadata.version(package) == wanted[1]


HERE = pinned("matplotlib") and pinned("forestplot") and freetype == FREETYPE


def dark(draw: Callable[[Axes], Axes]) -> Axes:
    return draw(plt.figure(figsize=(6, 5), facecolor="#111111").add_axes((0, 0, 1, 1)))


def judgements() -> pd.DataFrame:
    levels = ["low", "some concerns", "high", "no information"]
    cells = {f"D{i + 1}": [levels[(i + j) % 4] for j in range(6)] for i in range(5)}
    return pd.DataFrame({"study": [f"Trial {j}" for j in range(6)], **cells, "overall": "low"})


@pytest.fixture
def figures(make: SimpleNamespace, gappy: DurabilityCurve) -> dict[str, Callable[[], Axes]]:
    means, events = make.arms(8), make.counts(8)
    fit, ratios = make.pooled(means), make.pooled(events)
    groups = make.grouped(means, "comparator_class")
    return {
        "forest_plain_subgroups": lambda: km.forest(groups, title="Title"),
        "forest_revman": lambda: km.forest(fit, options=ForestOptions(layout="revman")),
        "forest_jama_ratio": lambda: km.forest(ratios, options=ForestOptions(layout="jama")),
        "timecourse": lambda: km.timecourse(gappy, title="Title"),
        "funnel_dark": lambda: dark(lambda ax: km.funnel(fit, contours=True, ax=ax)),
        "radial": lambda: radial(fit),
        "baujat": lambda: baujat(fit),
        "labbe": lambda: labbe(ratios),
        "drapery": lambda: drapery(fit),
        "bubble": lambda: bubble(km.regress(means.assign(year=np.arange(2000, 2008)), "year")),
        "rob_traffic": lambda: rob_plot(judgements(), options=FigureOptions(width_mm=85)),
        "prior_posterior": lambda: prior_posterior(km.bayes(means), of="tau"),
    }


NAMES = (
    *("forest_plain_subgroups", "forest_revman", "forest_jama_ratio", "timecourse", "funnel_dark", "radial"),
    *("baujat", "labbe", "drapery", "bubble", "rob_traffic", "prior_posterior"),
)


def rendered(ax: Axes) -> np.ndarray:
    """Pixels of a figure, without the foot, which names versions."""
    figure = ax.figure
    for text in ax.texts:
        if "ketameta" in text.get_text() or "SHA-256" in text.get_text():
            text.set_text("version")
    figure.set_dpi(DPI)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[:, :, :3]


def test_a_dozen_are_kept(figures: dict[str, Callable[[], Axes]]) -> None:
    assert set(NAMES) == set(figures) == {file.stem for file in FOLDER.glob("*.png")}


@pytest.mark.skipif(not HERE, reason="pictures hold for the pinned matplotlib, FreeType and forestplot")
@pytest.mark.parametrize("name", NAMES)
def test_it_looks_the_same(figures: dict[str, Callable[[], Axes]], name: str) -> None:
    pixels = rendered(figures[name]())
    file = FOLDER / f"{name}.png"
    if os.environ.get("KETAMETA_BASELINES") == "write":
        Image.fromarray(pixels).save(file, optimize=True)
    with Image.open(file) as kept:
        before = np.asarray(kept.convert("RGB"))
    assert pixels.shape == before.shape
    difference = np.abs(pixels.astype(int) - before.astype(int)).max(axis=2)
    assert np.mean(difference > 24) < 0.001
