"""Tools for the risk of bias: their judgements in words, symbols and colours, and their domains."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

__all__ = ["TOOLS", "Level", "Tool"]

_TAIL = re.compile(r" (?:risk(?: of bias)?|bias)$")


@dataclass(frozen=True, slots=True)
class Level:
    """A judgement: its name, the symbol and colour that show it, and other words that mean it.

    Attributes
    ----------
    name : str
        Name as the tool prints it, in lower case.
    symbol : str
        Sign in the circle; empty for no information.
    colour : str
        Colour of the circle on any paper; ``"none"`` for no information, which is an open circle. The
        colours differ in lightness, so that they stay apart in grey and for colour-blind readers.
    words : tuple of str
        Other words for it in a table, in lower case.
    """

    name: str
    symbol: str
    colour: str
    words: tuple[str, ...] = ()

    @property
    def ink(self) -> str:
        """Colour of the symbol: black or white, whichever is easier to read on the circle."""
        from matplotlib.colors import to_rgb

        rgb = np.array(to_rgb(self.colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return "#000000" if float(linear @ (0.2126, 0.7152, 0.0722)) > 0.179 else "#ffffff"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool for the risk of bias: its levels from low to high, and names of its domains by their heading."""

    name: str
    levels: tuple[Level, ...]
    domains: tuple[tuple[str, str], ...]

    def level(self, word: str) -> Level | None:
        """Level that a word means, if it means one.

        Examples
        --------
        >>> from ketameta.plots._robtools import TOOLS
        >>> TOOLS["RoB 2"].level("Low risk").name, TOOLS["RoB 2"].level("serious")
        ('low', None)
        """
        said = _TAIL.sub("", re.sub(r"[-_\s]+", " ", word).strip().casefold())
        return next((level for level in self.levels if said == level.name or said in level.words), None)


_AMBER, _RED = "#f2c14e", "#b04a2f"
_LOW = Level("low", "+", "#5b9fcb", ("l", "+"))
_NONE = Level("no information", "", "none", ("ni", "n", "no info"))
_HIGH = Level("high", "−", _RED, ("h", "x", "×"))

_ROB2 = Tool(
    "RoB 2",
    (_LOW, Level("some concerns", "!", _AMBER, ("some concern", "some", "s", "sc", "?", "!")), _HIGH, _NONE),
    (
        ("D1", "Randomisation process"),
        ("D1b", "Timing of identification or recruitment of participants"),
        ("D2", "Deviations from the intended interventions"),
        ("D3", "Missing outcome data"),
        ("D4", "Measurement of the outcome"),
        ("D5", "Selection of the reported result"),
        ("DS", "Period and carryover effects"),
    ),
)
_ROBINS = Tool(
    "ROBINS-I",
    (
        _LOW,
        Level("moderate", "!", _AMBER, ("m", "mod")),
        Level("serious", "−", _RED, ("s",)),
        Level("critical", "×", "#6b2149", ("c", "crit")),
        _NONE,
    ),
    (
        ("D1", "Confounding"),
        ("D2", "Selection of participants into the study"),
        ("D3", "Classification of interventions"),
        ("D4", "Deviations from the intended interventions"),
        ("D5", "Missing data"),
        ("D6", "Measurement of outcomes"),
        ("D7", "Selection of the reported result"),
    ),
)
_ROB1 = Tool(
    "RoB 1",
    (_LOW, Level("unclear", "?", _AMBER, ("u", "?")), _HIGH, _NONE),
    (
        ("D1", "Random sequence generation"),
        ("D2", "Allocation concealment"),
        ("D3", "Blinding of participants and personnel"),
        ("D4", "Blinding of outcome assessment"),
        ("D5", "Incomplete outcome data"),
        ("D6", "Selective reporting"),
        ("D7", "Other bias"),
    ),
)
TOOLS = MappingProxyType({tool.name: tool for tool in (_ROB2, _ROBINS, _ROB1)})
"""The tools by name."""
