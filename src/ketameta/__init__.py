"""ketameta: how well ketamine works for depression, PTSD and suicidal ideation, how sure, how long.

The public names are loaded when first used, so that ``import ketameta`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ketameta.__about__ import __version__
from ketameta._spelling import did_you_mean

if TYPE_CHECKING:
    from ketameta.curves import CurveOptions, durability
    from ketameta.effects import effect_sizes
    from ketameta.evidence import check_trials, load_trials, read_trials, select
    from ketameta.exploring import explore
    from ketameta.models import (
        MultilevelOptions,
        PoolOptions,
        bayes,
        counts,
        multilevel,
        pool,
        regress,
        subgroups,
    )
    from ketameta.plots import forest, funnel, rob_plot, timecourse
    from ketameta.reporting import cite, methods_text, report, summary_of_findings, verify
    from ketameta.robustness import bias, cumulative, gosh, influence, leave_one_out, multiverse

_ROOMS = (
    *("curves", "effects", "errors", "evidence", "exploring", "models", "plots", "reporting"),
    "robustness",
)
_HOME = {
    "CurveOptions": "curves",
    "MultilevelOptions": "models",
    "PoolOptions": "models",
    "bayes": "models",
    "bias": "robustness",
    "check_trials": "evidence",
    "cite": "reporting",
    "counts": "models",
    "cumulative": "robustness",
    "durability": "curves",
    "effect_sizes": "effects",
    "explore": "exploring",
    "forest": "plots",
    "funnel": "plots",
    "gosh": "robustness",
    "influence": "robustness",
    "leave_one_out": "robustness",
    "load_trials": "evidence",
    "methods_text": "reporting",
    "multilevel": "models",
    "multiverse": "robustness",
    "pool": "models",
    "read_trials": "evidence",
    "regress": "models",
    "report": "reporting",
    "rob_plot": "plots",
    "select": "evidence",
    "subgroups": "models",
    "summary_of_findings": "reporting",
    "timecourse": "plots",
    "verify": "reporting",
}

__all__ = [
    "CurveOptions",
    "MultilevelOptions",
    "PoolOptions",
    "__version__",
    "bayes",
    "bias",
    "check_trials",
    "cite",
    "counts",
    "cumulative",
    "durability",
    "effect_sizes",
    "explore",
    "forest",
    "funnel",
    "gosh",
    "influence",
    "leave_one_out",
    "load_trials",
    "methods_text",
    "multilevel",
    "multiverse",
    "pool",
    "read_trials",
    "regress",
    "report",
    "rob_plot",
    "select",
    "subgroups",
    "summary_of_findings",
    "timecourse",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"ketameta.{name}")
    home = _HOME.get(name)
    if home is None:
        hint = did_you_mean(name, __all__)
        raise AttributeError(f"module 'ketameta' has no attribute {name!r}{hint}")
    value = getattr(importlib.import_module(f"ketameta.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
