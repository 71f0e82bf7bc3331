"""Words, tables and receipts: the evidence report, citations, and the same analysis in R."""

from __future__ import annotations

from ketameta.reporting.bibliography import references_bib
from ketameta.reporting.citing import Citations, cite
from ketameta.reporting.evidence_report import Report, report

__all__ = ["Citations", "Report", "cite", "references_bib", "report"]


def __dir__() -> list[str]:
    return sorted(__all__)
