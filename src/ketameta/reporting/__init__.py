"""Words, tables and receipts: the evidence report, citations, and the same analysis in R."""

from __future__ import annotations

from ketameta.reporting.agreement import Leaf
from ketameta.reporting.bibliography import references_bib
from ketameta.reporting.citing import Citations, cite
from ketameta.reporting.evidence_report import Report, report
from ketameta.reporting.r_scripts import to_r
from ketameta.reporting.receipts import Receipt, receipt
from ketameta.reporting.verifying import Verification, verify

__all__ = [
    "Citations",
    "Leaf",
    "Receipt",
    "Report",
    "Verification",
    "cite",
    "receipt",
    "references_bib",
    "report",
    "to_r",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
