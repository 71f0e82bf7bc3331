"""The evidence report: every question, every window, figures, tables, and one HTML file."""

from __future__ import annotations

from ketameta.reporting.evidence_report import Report, report

__all__ = ["Report", "report"]


def __dir__() -> list[str]:
    return sorted(__all__)
