"""Words, tables and receipts: the evidence report, citations, and the same analysis in R."""

from __future__ import annotations

from ketameta.reporting.agreement import Leaf
from ketameta.reporting.bibliography import references_bib
from ketameta.reporting.citing import Citations, cite
from ketameta.reporting.evidence_report import Report, report
from ketameta.reporting.grade_options import SummaryOptions
from ketameta.reporting.grade_result import SummaryOfFindings
from ketameta.reporting.grade_table import summary_of_findings
from ketameta.reporting.methods_section import MethodsText, methods_text
from ketameta.reporting.prisma import prisma_items
from ketameta.reporting.prisma_result import PrismaItem, PrismaItems
from ketameta.reporting.r_scripts import to_r
from ketameta.reporting.receipts import Receipt, receipt
from ketameta.reporting.verifying import Verification, verify

__all__ = [
    "Citations",
    "Leaf",
    "MethodsText",
    "PrismaItem",
    "PrismaItems",
    "Receipt",
    "Report",
    "SummaryOfFindings",
    "SummaryOptions",
    "Verification",
    "cite",
    "methods_text",
    "prisma_items",
    "receipt",
    "references_bib",
    "report",
    "summary_of_findings",
    "to_r",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
