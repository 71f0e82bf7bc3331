"""Command line: ``python -m ketameta report``, ``check``, ``verify`` and ``cite``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ketameta.__about__ import __version__
from ketameta.errors import DataError, KetametaError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["main"]

_FORMATS = {"text": "text", "bibtex": "bibtex", "csl-json": "csl_json"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ketameta",
        description="Meta-analysis of ketamine trials. For research; no advice to patients.",
    )
    parser.add_argument("--version", action="version", version=f"ketameta {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="write the evidence report, figures, tables and results.json")
    report.add_argument("--out", default="out", help="folder to write into (default: out)")
    report.add_argument(
        "--trials", default=None, metavar="CSV", help="your own table instead of the packaged one"
    )
    report.add_argument("--quiet", action="store_true", help="print no progress")
    verify = commands.add_parser(
        "verify", help="compute a results.json or a receipt again; exit status 1 if it does not agree"
    )
    verify.add_argument("record", metavar="JSON", help="results.json of a report, or a receipt")
    verify.add_argument("--trials", default=None, metavar="CSV", help="the table, where it was your own")
    verify.add_argument("--quiet", action="store_true", help="print no progress")
    check = commands.add_parser("check", help="print the problems of a table; exit status 1 if there are any")
    check.add_argument("table", metavar="CSV", help="a table in the form of data/trials.csv")
    cite = commands.add_parser(
        "cite", help="print what to cite: the software and its data set, or the reports behind a table"
    )
    cite.add_argument(
        "table",
        nargs="?",
        default=None,
        metavar="CSV",
        help="a table in the form of data/trials.csv, to cite the reports in its column 'report'",
    )
    cite.add_argument(
        "--format", choices=tuple(_FORMATS), default="text", help="text, bibtex or csl-json (default: text)"
    )
    return parser


def _cite(table: str | None, form: str) -> int:
    """Print references; what could not be found goes to standard error, for the output may become a file."""
    from ketameta.reporting import cite

    found = cite() if table is None else cite(_rows(table))
    written = getattr(found, _FORMATS[form]).rstrip("\n")
    _say(written)
    for note in found.notes:
        print(f"ketameta: {note}", file=sys.stderr)
    return 0


def _rows(path: str) -> pd.DataFrame:
    from ketameta.evidence import read_trials

    table = read_trials(path)
    if table.empty:
        raise DataError(f"{path}: the table has a header but no rows.")
    return table


def _say(text: object) -> None:
    """Print, with a question mark for each character that the terminal does not have."""
    code = sys.stdout.encoding or "utf-8"
    print(str(text).encode(code, "replace").decode(code))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status.

    0: done. 1: the table has problems, the record does not agree, or a file could not be read. 2: the words of the
    command are wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "report":
            from ketameta.reporting import report

            made = report(options.trials, out=options.out, progress=not options.quiet)
            print(f"Written: {made.page}, results.json, figures/ and tables/ beside it.")
            return 0
        if options.command == "verify":
            from ketameta.reporting import verify

            verification = verify(options.record, trials=options.trials, progress=not options.quiet)
            _say(verification)
            return 0 if verification.agrees else 1
        if options.command == "cite":
            return _cite(options.table, options.format)
        from ketameta.evidence import check_trials

        checked = check_trials(_rows(options.table))
    except KetametaError as error:
        print(f"ketameta: {error}", file=sys.stderr)
        return 1
    _say(checked)
    return 0 if checked.problems.empty else 1


if __name__ == "__main__":
    sys.exit(main())
