from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import matplotlib
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ketameta.errors import FigureError
from ketameta.plots import forest, save
from ketameta.plots.style import DARK, LIGHT, Palette, palette_of, text_width, wrap


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_type_and_marks_stand_out_from_the_paper(palette: Palette) -> None:
    for name in ("ink", "muted", "accent"):
        assert contrast(getattr(palette, name), palette.paper) >= 4.5, name
    for name in ("study", "pooled"):
        assert contrast(getattr(palette, name), palette.paper) >= 3, name


def test_the_palette_follows_the_paper() -> None:
    assert palette_of(Figure(facecolor="white")) is LIGHT
    assert palette_of(Figure(facecolor="black")) is DARK
    assert palette_of(Figure(facecolor="none")) is LIGHT


def test_files_are_the_same_each_time(make: SimpleNamespace, tmp_path: Path) -> None:
    fit = make.pooled(make.arms(3))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        files = save(forest(fit), tmp_path / folder / "figure", dpi=80)
        assert [file.name for file in files] == ["figure.png", "figure.svg", "figure.pdf"]
    for name in ("figure.png", "figure.svg", "figure.pdf"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_text_stays_text(make: SimpleNamespace, tmp_path: Path) -> None:
    svg, pdf = save(forest(make.pooled(make.arms(3))), tmp_path / "figure", formats=("svg", "pdf"))
    source = svg.read_text(encoding="utf-8")
    assert "Author2 2001" in source
    assert "<dc:date>" not in source
    raw = pdf.read_bytes()
    assert b"/CreationDate" not in raw
    assert b"/FontFile2" in raw
    assert b"/Type3" not in raw


def test_saving_ignores_settings_that_would_cut_the_page(make: SimpleNamespace, tmp_path: Path) -> None:
    ax = forest(make.pooled(make.arms(3)))
    with matplotlib.rc_context({"savefig.bbox": "tight", "savefig.transparent": True}):
        (file,) = save(ax, tmp_path / "figure.v1", formats=("png",), dpi=100)
    assert file.name == "figure.v1.png"
    image = matplotlib.image.imread(file)
    assert image.shape[1] == pytest.approx(180 / 25.4 * 100, abs=1)
    assert image[0, 0].tolist() == [1, 1, 1, 1]


def test_wrong_formats_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match="give a sequence out of png, svg, pdf"):
        save(Figure(), tmp_path / "figure", formats=("jpg",))
    with pytest.raises(FigureError, match="give a sequence"):
        save(Figure(), tmp_path / "figure", formats="png")
    with pytest.raises(FigureError, match="does not exist"):
        save(Figure(), tmp_path / "nowhere" / "figure")


def test_wrapped_lines_fit_and_lose_no_word() -> None:
    text = "Random-effects model, tau2 by REML; supercalifragilisticexpialidocious intervals"
    lines = wrap(text, 60, 8)
    assert all(text_width(line, 8) <= 60 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrap("", 60, 8) == [""]
    assert wrap("a\N{NO-BREAK SPACE}b c", text_width("a b", 8) * 1.05, 8) == ["a\N{NO-BREAK SPACE}b", "c"]


@pytest.mark.parametrize("dpi", [72, 100, 300])
def test_widths_are_enough_at_every_resolution(dpi: int) -> None:
    figure = Figure(figsize=(10, 1), dpi=dpi)
    text = "−0.95 [−1.30, −0.60] and 12 Words of Type"
    drawn = figure.text(0, 0, text, fontsize=6.5)
    figure.draw_without_rendering()
    assert drawn.get_window_extent().width * 72 / dpi <= text_width(text, 6.5, screen=dpi < 150) * 1.001
