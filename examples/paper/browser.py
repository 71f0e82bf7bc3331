"""Print a page as PDF with a browser that may be there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["NAMES", "find_browser", "print_pdf"]

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """Path of the first browser that is there; None without one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def print_pdf(page: Path, pdf: Path, browser: str, *, seconds: float = 60) -> bool:
    """Print an HTML file; whether the PDF was written."""
    pdf.unlink(missing_ok=True)
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            *(browser, "--headless", *sandbox, "--disable-gpu", f"--user-data-dir={profile}"),
            *("--no-pdf-header-footer", f"--print-to-pdf={pdf.resolve()}", page.resolve().as_uri()),
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=seconds, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return pdf.is_file()
