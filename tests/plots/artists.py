"""Artists of a figure by their label."""

from __future__ import annotations

from matplotlib.axes import Axes


def labelled(ax: Axes, label: str) -> list:
    return [artist for artist in ax.get_children() if artist.get_label() == label]
