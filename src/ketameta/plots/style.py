"""Colours, type and files that every figure shares.

Nothing here touches the global settings of matplotlib: figures are drawn and saved inside
:func:`matplotlib.rc_context`, and colours are arguments. Colour is never the only carrier of a
meaning: shape, position or words say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketameta._render import plain
from ketameta.errors import FigureError
from ketameta.plots._asked import number_in, written
from ketameta.plots.alt import words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "DARK",
    "LIGHT",
    "Palette",
    "font",
    "new_figure",
    "palette_of",
    "quiet_rc",
    "save",
    "text_width",
    "title_lines",
    "wrap",
]

POINTS_PER_MM = 72 / 25.4
_MOST_PIXELS = 2**16 - 1
_SCREEN, _PRINT = (72, 100), (150, 300, 720)
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
_WORDS_IN = {"png": "Description", "svg": "Description", "pdf": "Subject"}


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one figure, each legible on ``paper``."""

    paper: str
    ink: str
    muted: str
    rule: str
    shade: str
    study: str
    pooled: str
    accent: str


LIGHT = Palette("#ffffff", "#1a1a1a", "#595f69", "#b4b9c1", "#e9ebee", "#4a7fb5", "#14385c", "#a8510b")
DARK = Palette("#101317", "#f2f2f2", "#b3bac4", "#5d6672", "#262b32", "#6fa5d8", "#d5e6f7", "#f0a35e")


def palette_of(figure: Figure) -> Palette:
    """Light or dark palette, by the brightness of the figure's own paper."""
    from matplotlib.colors import to_rgba

    red, green, blue, alpha = to_rgba(figure.get_facecolor())
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return DARK if alpha > 0.5 and luminance < 0.4 else LIGHT


@contextmanager
def quiet_rc() -> Iterator[None]:
    """Settings of the reader that would break a layout, set aside while a figure is drawn or saved."""
    import matplotlib

    settings: Any = {
        "text.usetex": False,
        "errorbar.capsize": 0.0,
        "lines.marker": "None",
        "lines.linestyle": "-",
        "patch.force_edgecolor": False,
        "scatter.edgecolors": "face",
        "axes.unicode_minus": True,
        "axes.grid": False,
        "font.weight": "normal",
        "legend.numpoints": 1,
        "figure.autolayout": False,
        "figure.constrained_layout.use": False,
        "savefig.bbox": None,
        "savefig.transparent": False,
        "path.sketch": None,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "ketameta",
    }
    with matplotlib.rc_context(settings):
        yield


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """Figure of that size on white paper, known to pyplot so that notebooks show it."""
    import matplotlib.pyplot as plt

    size = (width_mm / 25.4, height_mm / 25.4)
    return plt.figure(figsize=size, facecolor=LIGHT.paper, layout="none")


def font() -> tuple[str, ...]:
    """Font families that the reader has set for text."""
    import matplotlib

    return tuple(matplotlib.rcParams["font.family"])


@lru_cache(maxsize=8)
def _renderer(dpi: int) -> Any:
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(1, 1, dpi)  # type: ignore[no-untyped-call]


@lru_cache(maxsize=8192)
def _word_width(word: str, size: float, weight: str, family: tuple[str, ...], dpis: tuple[int, ...]) -> float:
    from matplotlib.font_manager import FontProperties

    properties = FontProperties(family=list(family), size=size, weight=weight)
    widths = (_renderer(dpi).get_text_width_height_descent(word, properties, False)[0] for dpi in dpis)
    return max(72 * float(width) / dpi for width, dpi in zip(widths, dpis, strict=True))


def text_width(text: str, size: float, *, weight: str = "normal", screen: bool = False) -> float:
    """Width that a text needs in points; of several lines, the widest.

    Hinting makes type wider or narrower, on screens by as much as a tenth, so every word counts with
    its largest width over the resolutions of print, or with `screen` over those of screens too.

    Examples
    --------
    >>> from ketameta.plots.style import text_width
    >>> text_width("Study", 14) > text_width("Study", 7) > 0
    True
    """
    family, dpis = font(), _SCREEN + _PRINT if screen else _PRINT

    def line_width(line: str) -> float:
        words = line.split(" ")
        space = _word_width(" ", size, weight, family, dpis)
        return sum(_word_width(word, size, weight, family, dpis) for word in words) + space * (len(words) - 1)

    return max(map(line_width, text.split("\n")))


def wrap(text: str, width: float, size: float, *, weight: str = "normal", screen: bool = False) -> list[str]:
    """Break a text at its spaces into lines of at most that many points.

    A word that is too long is broken too; no-break spaces hold words together. Control characters, which no
    font can show, are spelled out.

    Examples
    --------
    >>> from ketameta.plots.style import wrap
    >>> wrap("Random effects", 50, 8)
    ['Random', 'effects']
    """

    def fits(line: str) -> bool:
        return text_width(line, size, weight=weight, screen=screen) <= width

    lines = [""]
    for word in plain(text.replace("\n", " ")).split(" "):
        longer = f"{lines[-1]} {word}".strip(" ")
        if fits(longer):
            lines[-1] = longer
            continue
        lines.append("")
        for character in word:
            if lines[-1] and not fits(lines[-1] + character):
                lines.append("")
            lines[-1] += character
    return [line for line in lines if line] or [""]


def title_lines(title: str | None, width: float, size: float) -> tuple[str, ...]:
    """Lines of the title over a figure in type of that size, none where there is no title."""
    if title is None or not written("title", title).strip():
        return ()
    return tuple(wrap(title, width, 1.2 * size, weight="bold", screen=True))


def _whole(target: object) -> Figure:
    """The figure of what is to be saved."""
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

    figure = target.figure if isinstance(target, Axes | FigureBase) else None
    if figure is None:
        raise FigureError(f"save() takes a figure or axes that stand in one, not {type(target).__name__}.")
    whole: Figure = figure.canvas.figure
    return whole


def save(
    target: Figure | Axes,
    path: str | Path,
    *,
    formats: Sequence[str] = ("png", "svg", "pdf"),
    dpi: float = 300,
) -> tuple[Path, ...]:
    """Write a figure to files that are the same, byte for byte, each time they are written.

    Text stays text: fonts are embedded as TrueType in PDF, and kept as editable text in SVG. The words of
    :func:`describe` are written into each file.

    Parameters
    ----------
    target : Figure or Axes
        What to save; of axes, the figure they belong to.
    path : str or Path
        Path without ending; each format adds its own.
    formats : sequence of str
        Any of ``"png"``, ``"svg"``, ``"pdf"``.
    dpi : float
        Dots per inch of the PNG.

    Returns
    -------
    tuple of Path
        The files written, in the order of `formats`.

    Raises
    ------
    FigureError
        `target` is no figure, a format is unknown, the folder does not exist, or `dpi` is no number or too high.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from matplotlib.figure import Figure
    >>> from ketameta.plots.style import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in save(Figure(), Path(folder) / "forest", formats=("png", "pdf"))]
    ['forest.png', 'forest.pdf']
    """
    figure = _whole(target)
    listed = isinstance(formats, Sequence) and not isinstance(formats, str)
    if not listed or not formats or any(name not in tuple(_METADATA) for name in formats):
        raise FigureError(f"formats={formats!r}: give a sequence out of {', '.join(_METADATA)}.")
    if not isinstance(path, str | Path) or not Path(path).name:
        raise FigureError(f"path={path!r}: give the path of a file without its ending, such as 'forest'.")
    number_in("dpi", dpi, 1, _MOST_PIXELS // float(max(figure.get_size_inches())))
    stem = Path(path)
    if not stem.parent.is_dir():
        raise FigureError(
            f"path={str(path)!r}: the folder {str(stem.parent)!r} does not exist; make it first."
        )
    files = tuple(stem.with_name(f"{stem.name}.{name}") for name in formats)
    words = words_of(figure)
    with quiet_rc():
        for name, file in zip(formats, files, strict=True):
            metadata = {**_METADATA[name], **({_WORDS_IN[name]: words} if words else {})}
            figure.savefig(file, format=name, dpi=dpi, facecolor=figure.get_facecolor(), metadata=metadata)
    return files
