"""Which rows speak of one trial: by study, cohort, registry number or trial name."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from ketameta.models._studies import text_column

__all__ = ["NAMING", "grouped", "keys_of"]

_YEAR = re.compile(r"^(.*?\d{4}[a-z]?)(?:_.*)?$")
NAMING = ("study_id", "cohort_id", "registry_id", "trial_name")


def keys_of(rows: pd.DataFrame) -> list[frozenset[str]]:
    """What names the trial of each row; rows that share one name are of one trial.

    Registry numbers are split at semicolons, merged studies at plus signs, and arms are cut off study identifiers:
    ``fava2020_0.5`` is ``fava2020``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.robustness._same_trials import keys_of
    >>> sorted(keys_of(pd.DataFrame({"study_id": ["a2020_28mg + a2020_56mg"], "registry_id": ["NCT1; NCT2"]}))[0])
    ['a2020', 'nct1', 'nct2']
    """
    cells = [text_column(rows, name) for name in NAMING]
    return [frozenset(_names(row)) for row in zip(*cells, strict=True)]


def _names(cells: Iterable[str]) -> set[str]:
    parts = [part.strip().lower() for cell in cells for part in re.split(r";|\s\+\s", str(cell))]
    return {_YEAR.sub(r"\1", part) for part in parts if part}


def grouped(keys: list[frozenset[str]]) -> list[list[int]]:
    """Positions that share a name, directly or through others, in order of appearance.

    Examples
    --------
    >>> from ketameta.robustness._same_trials import grouped
    >>> grouped([frozenset("a"), frozenset("b"), frozenset("ac"), frozenset("c")])
    [[0, 2, 3], [1]]
    """
    groups: list[tuple[set[str], list[int]]] = []
    for i, names in enumerate(keys):
        touched = [group for group in groups if names & group[0]]
        joined = (set(names).union(*(group[0] for group in touched)), [i])
        for group in touched:
            joined[1].extend(group[1])
            groups.remove(group)
        groups.append(joined)
    return sorted(sorted(members) for _, members in groups)
