"""Write the pages of the data set: the dictionary, a page for each cohort, the list of them, and what is missing.

The pages hold what ``data/`` holds and nothing else. As an extension of Sphinx it writes them before each build.
"""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd

from ketameta import check_trials, cite, load_trials
from ketameta.reporting.page_words import cohort_names, spaced
from ketameta.reporting.references import Reference

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup", "write"]

ROOT = Path(__file__).resolve().parents[1]
_FACTS = {
    "indication": "Indication",
    "population": "Population",
    "setting": "Setting",
    "design": "Design",
    "blinding": "Blinding",
    "n_randomised": "Randomised",
    "drug": "Drug",
    "route": "Route",
    "schedule": "Schedule",
    "comparator": "Comparator",
    "background": "Background in both arms",
    "washout_days": "Washout (days)",
}
_REGISTRIES = {
    "NCT": "https://clinicaltrials.gov/study/",
    "ISRCTN": "https://www.isrctn.com/",
    "ACTRN": "https://www.anzctr.org.au/TrialSearch.aspx#&&searchTxt=",
}
_STORED = re.compile(r"github:([^/]+/[^/]+)/(.+)@([0-9a-f]{40})")
_ARM = (("mean", "mean_{}"), ("SD", "sd_{}"), ("SE", "se_{}"))


def write(folder: Path) -> None:
    """Write all pages into a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there; pages of cohorts go into its folder ``trials``.
    """
    trials = load_trials()
    reports = {reference.key: reference for reference in cite(trials).references}
    missing = _read("missing.csv")
    known, judged = _read("moderators.csv"), _read("risk_of_bias.csv")
    warnings = check_trials(trials).to_frame()
    (folder / "trials").mkdir(parents=True, exist_ok=True)
    (folder / "dictionary.md").write_text(_dictionary(), encoding="utf-8")
    labels, listed, told = cohort_names(trials), [], set[int]()
    for cohort, rows in trials.groupby("cohort_id", sort=True):
        gaps = {number: gap for number, gap in enumerate(missing) if _same_trial(gap, rows)}
        told |= set(gaps)
        title = _title(labels[str(cohort)], rows)
        doubts = warnings.loc[warnings["record_id"].isin(rows["record_id"])]
        read = [reports[key] for key in rows["report"].unique()]
        page = _page(title, rows, read, list(gaps.values()), doubts)
        page += "\n".join([*_moderators(_of(known, str(cohort))), *_judgements(_of(judged, str(cohort)))])
        (folder / "trials" / f"{_slug(str(cohort))}.md").write_text(page, encoding="utf-8")
        listed.append((title, _slug(str(cohort)), rows))
    others = [gap for number, gap in enumerate(missing) if number not in told]
    (folder / "trials.md").write_text(_index(listed), encoding="utf-8")
    (folder / "missing.md").write_text(_missing(others), encoding="utf-8")


def _read(name: str) -> list[dict[str, str]]:
    with (ROOT / "data" / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _of(lines: list[dict[str, str]], cohort: str) -> list[dict[str, str]]:
    return [line for line in lines if line["cohort_id"] == cohort]


def _same_trial(gap: Mapping[str, str], rows: pd.DataFrame) -> bool:
    registered = set(re.split(r";\s*", gap["registry_id"])) - {""}
    return gap["study_id"] in set(rows["study_id"]) | set(rows["cohort_id"]) or any(
        registered & set(re.split(r";\s*", known)) for known in rows["registry_id"]
    )


def _title(label: str, rows: pd.DataFrame) -> str:
    names = [name for name in rows["trial_name"].unique() if name and name not in label]
    return f"{label}: {' / '.join(names)}" if names else label


def _slug(cohort: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", cohort.lower()).strip("-")


def _cell(value: object) -> str:
    """A value as text that neither Markdown nor HTML reads as markup."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    text = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\|*_`$\[\]{}#~^])", r"\\\1", text)


def _link(words: str, address: str) -> str:
    """A link; ``github:owner/name/path@commit`` is where that file stands on the web."""
    stored = _STORED.fullmatch(address)
    if stored:
        address = f"https://github.com/{stored[1]}/blob/{stored[3]}/{quote(stored[2])}"
    return f"[{_cell(words)}](<{address}>)"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    cells = [list(head), *(list(row) for row in rows)]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return [lines[0], "| " + " | ".join("---" for _ in cells[0]) + " |", *lines[1:], ""]


def _page(
    title: str,
    rows: pd.DataFrame,
    reports: Iterable[Reference],
    gaps: list[dict[str, str]],
    doubts: pd.DataFrame,
) -> str:
    used = rows.loc[rows["status"] == "include"]
    apart = rows.loc[rows["status"] != "include"]
    lines = [f"# {_cell(title)}", ""]
    lines += _table(("fact", "as the data set has it"), _facts(rows))
    lines += ["## Reports", "", *(f"- {_report(one)}" for one in reports), ""]
    for heading, part in (("Rows that a pool may use", used), ("Rows kept apart", apart)):
        if len(part):
            lines += [f"## {heading}", "", *_rows(part)]
    lines += ["## Where each row was read", "", *_sources(rows)]
    lines += ["## Doubts and notes", "", *_doubts(rows, doubts)]
    if gaps:
        lines += ["## What is missing", "", *_gaps(gaps)]
    return "\n".join(lines) + "\n"


def _facts(rows: pd.DataFrame) -> Iterable[tuple[str, str]]:
    yield "Study ids", ", ".join(f"`{study}`" for study in rows["study_id"].unique())
    registered = sorted({one for known in rows["registry_id"] for one in re.split(r";\s*", known) if one})
    if registered:
        yield "Registered as", ", ".join(map(_registry, registered))
    for column, name in _FACTS.items():
        values = dict.fromkeys(_cell(value) for value in rows[column])
        told = [value for value in values if value]
        if told:
            yield name, "; ".join(told)


def _registry(number: str) -> str:
    for prefix, address in _REGISTRIES.items():
        if number.startswith(prefix):
            return f"[{number}]({address}{number})"
    return _cell(number)


def _report(reference: Reference) -> str:
    address = f"https://doi.org/{reference.doi}" if reference.doi else reference.url
    words = reference.text.split(" doi:")[0].removesuffix(reference.url).strip()
    return f"{_cell(words)} {_link(address.removeprefix('https://'), address)}" if address else _cell(words)


def _rows(rows: pd.DataFrame) -> list[str]:
    head = ("record", "outcome", "time (h)", "kind", "ketamine", "comparator", "printed contrast")
    reasons = (rows["status"] != "include").any()
    body = []
    for row in rows.to_dict("records"):
        outcome = f"{spaced(row['outcome'])}, {row['instrument'] or row['definition']}".rstrip(", ")
        arm = f"{row['study_id']}: " if rows["study_id"].nunique() > 1 else ""
        cells = [
            f"`{row['record_id']}`",
            _cell(arm + outcome),
            _cell(row["time_hours"]),
            _cell(row["score_type"]),
            _arm(row, "t"),
            _arm(row, "c"),
            _contrast(row),
        ]
        body.append([*cells, _cell(row["reason"])] if reasons else cells)
    return _table((*head, "why apart") if reasons else head, body)


def _arm(row: Mapping[str, object], side: str) -> str:
    parts = [
        f"{name} {_cell(row[column.format(side)])}"
        for name, column in _ARM
        if _cell(row[column.format(side)])
    ]
    low, high = _cell(row[f"ci_low_{side}"]), _cell(row[f"ci_high_{side}"])
    if low and high:
        parts.append(f"CI {low} to {high}")
    if _cell(row[f"median_hours_{side}"]):
        parts.append(f"median {_cell(row[f'median_hours_{side}'])} h")
    events, total, people = (_cell(row[f"{name}_{side}"]) for name in ("events", "total", "n"))
    if events:
        parts.append(f"{events} of {total}" if total else f"{events} events")
    if people:
        parts.append(f"n {people}")
    return ", ".join(parts)


def _contrast(row: Mapping[str, object]) -> str:
    if not _cell(row["contrast_measure"]):
        return ""
    parts = [f"{_cell(row['contrast_measure'])} {_cell(row['contrast_value'])}".strip()]
    low, high = _cell(row["contrast_ci_low"]), _cell(row["contrast_ci_high"])
    level = _cell(row["contrast_ci_level"])
    if low or high:
        parts.append(f"{level}% CI {low} to {high}" if level else f"CI {low} to {high}")
    for name, column in (("SE", "contrast_se"), ("", "contrast_stat"), ("p", "contrast_p")):
        if _cell(row[column]):
            parts.append(f"{name} {_cell(row[column])}".strip())
    return ", ".join(parts)


def _sources(rows: pd.DataFrame) -> list[str]:
    columns = ["source_kind", "source_url", "source_locator", "confidence", "checked"]
    body = []
    for source, part in rows.groupby(columns, sort=False, dropna=False):
        kind, address, locator, confidence, checked = map(_cell, source)
        records = ", ".join(f"`{record}`" for record in part["record_id"])
        place = _link(source[2] or "source", source[1]) if address else locator
        body.append((records, place, kind, confidence, checked))
    return _table(("records", "place", "kind of source", "confidence", "checked"), body)


def _doubts(rows: pd.DataFrame, doubts: pd.DataFrame) -> list[str]:
    lines = []
    for column, words in (("notes", ""), ("derivation", "Computed: ")):
        for text, part in rows.loc[rows[column] != ""].groupby(column, sort=False):
            lines.append(f"- {_records(part['record_id'])}: {words}{_cell(text)}")
    for (rule, hint), part in doubts.groupby(["rule", "hint"], sort=False):
        lines.append(f"- {_records(part['record_id'])}: the check `{rule}` says: {_cell(hint)}")
    return [*(lines or ["None noted."]), ""]


def _records(records: pd.Series) -> str:
    names = list(dict.fromkeys(records))
    return ", ".join(f"`{name}`" for name in names)


def _gaps(gaps: Iterable[Mapping[str, str]]) -> list[str]:
    body = [
        (
            f"`{gap['study_id']}`",
            _cell(gap["outcome"]),
            _cell(gap["what_is_missing"]),
            _link(gap["why"], gap["source_url"]) if gap["source_url"] else _cell(gap["why"]),
            "; ".join(map(_registry, filter(None, re.split(r";\s*", gap["registry_id"])))),
            _cell(gap["n_randomised"]),
            _cell(f"{gap['trial_name']}. {gap['notes']}".strip(". ") if gap["trial_name"] else gap["notes"]),
        )
        for gap in gaps
    ]
    return _table(("study", "outcome", "missing", "why", "registered as", "randomised", "notes"), body)


def _moderators(lines: list[dict[str, str]]) -> list[str]:
    if not lines:
        return []
    body = [
        (
            _cell(spaced(line["item"]) + (f", {line['instrument']}" if line["instrument"] else "")),
            _cell(f"{line['arm']}: {line['study_id']}" if line["study_id"] else line["arm"]),
            _cell(f"{line['value']} {line['unit']}".strip()),
            _link(line["source_locator"] or "source", line["source_url"]),
            _cell(line["checked"]),
            _cell(line["notes"]),
        )
        for line in lines
    ]
    head = ("what", "arm", "value", "read in", "checked", "notes")
    return ["## What the trial was like", "", *_table(head, body)]


def _judgements(lines: list[dict[str, str]]) -> list[str]:
    if not lines:
        return []
    body = [
        (
            _cell(f"{line['domain']}: {line['domain_name']}"),
            _cell(line["judgement"]),
            _cell(line["outcome"]),
            _cell(f"{line['review']}, {line['tool']}"),
            _link(line["source_locator"] or "source", line["source_url"]),
        )
        for line in lines
    ]
    head = ("domain", "judgement", "outcome", "judged by", "read in")
    return ["", "## Risk of bias, as a published review judged it", "", *_table(head, body)]


def _index(listed: Iterable[tuple[str, str, pd.DataFrame]]) -> str:
    body, pages = [], []
    for title, slug, rows in sorted(listed, key=lambda one: one[0].casefold()):
        used = rows.loc[(rows["status"] == "include") & (rows["score_type"] != "baseline")]
        people = rows["n_randomised"].max()
        body.append(
            (
                f"[{_cell(title)}](trials/{slug}.md)",
                _cell(", ".join(rows["indication"].unique())),
                _cell(", ".join(rows["drug"].unique())),
                "" if pd.isna(people) else f"{people:.0f}",
                _cell(", ".join(sorted(map(spaced, used["outcome"].unique())))),
                str(len(rows)),
            )
        )
        pages.append(f"trials/{slug}")
    head = ("trial", "indication", "drug", "randomised", "outcomes that a pool may use", "rows")
    return "\n".join(
        [
            "# The trials",
            "",
            "One page for each group of people that was randomised or followed: what was read, where, and what is doubtful.",
            "",
            *_table(head, body),
            "```{toctree}",
            ":hidden:",
            "",
            *pages,
            "```",
            "",
        ]
    )


def _missing(gaps: list[dict[str, str]]) -> str:
    return "\n".join(
        [
            "# Trials without a usable number",
            "",
            "Trials that are known, and of which no row could be entered. What is missing of a trial that has rows stands on its page.",
            "",
            *_gaps(gaps),
        ]
    )


def _dictionary() -> str:
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    lines = [
        "# The dictionary",
        "",
        "Every column of every file, from `data/datapackage.json`. A file must have the columns that are needed, and no empty cell in",
        "them. [Your own trials](../your_trials.md) names those that a row needs besides to enter a pool.",
        "",
    ]
    for resource in package["resources"]:
        lines += [f"## {resource['path']}", ""]
        body = []
        for field in resource["schema"]["fields"]:
            needed = "yes" if field.get("constraints", {}).get("required") else ""
            body.append(
                (f"`{field['name']}`", field["type"], needed, _cell(field["description"]) + _rules(field))
            )
        lines += _table(("column", "type", "needed", "meaning"), body)
    return "\n".join(lines)


def _rules(field: Mapping[str, Any]) -> str:
    """Unit, range, example and values of a column, as sentences."""
    constraints = field.get("constraints", {})
    words = f" Unit: {_cell(field['unit'])}." if "unit" in field else ""
    if {"minimum", "maximum"} <= constraints.keys():
        words += f" From {constraints['minimum']} to {constraints['maximum']}."
    words += f" Example: `{field['example']}`." if "example" in field else ""
    allowed = constraints.get("enum")
    return words + (" One of: " + ", ".join(f"`{value}`" for value in allowed) + "." if allowed else "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages into the folder ``data`` of the sources before they are read."""
    app.connect("builder-inited", lambda built: write(Path(built.srcdir) / "data"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
