"""An interactive view in a notebook: choose a question, see the pool, its figures and the code behind them."""

from __future__ import annotations

from ketameta.exploring.choices import Choices, Method, Question
from ketameta.exploring.explorer import Explorer, explore
from ketameta.exploring.view import Answer, View, Workbench

__all__ = ["Answer", "Choices", "Explorer", "Method", "Question", "View", "Workbench", "explore"]


def __dir__() -> list[str]:
    return sorted(__all__)
