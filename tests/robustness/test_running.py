from __future__ import annotations

import math

import numpy as np
import pytest

from ketameta.errors import ModelError
from ketameta.robustness import _running
from ketameta.robustness._running import run


def test_workers_give_the_same_in_the_same_order() -> None:
    parts = list(range(20))
    assert run(math.sqrt, parts, workers=2) == run(math.sqrt, parts) == [math.sqrt(part) for part in parts]


def test_workers_may_be_a_number_of_numpy() -> None:
    assert run(abs, [-1, 2], workers=np.int64(1)) == [1, 2]


def test_any_backend_of_joblib_is_taken() -> None:
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_config(backend="threading"):
        assert run(abs, [-1, 2, -3], workers=2) == [1, 2, 3]


@pytest.mark.parametrize("workers", [0, True, 1.5, "all"])
def test_workers_that_are_no_number_are_refused(workers: object) -> None:
    with pytest.raises(ModelError, match="must be a whole number such as 4, or -1"):
        run(abs, [1], workers=workers)  # type: ignore[arg-type]


def test_bar_hears_of_every_part() -> None:
    heard: list[int] = []
    run(abs, [1, 2, 3], bar=heard.append, sizes=[10, 20, 5])  # type: ignore[arg-type]
    assert heard == [10, 30, 35]
    heard.clear()
    run(abs, [1, 2, 3], workers=2, bar=heard.append, sizes=[10, 20, 5])  # type: ignore[arg-type]
    assert heard == [35]


def test_without_joblib_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "joblib", None)
    with pytest.raises(ModelError, match=r"ketameta\[parallel\]"):
        _running.run(abs, [1, 2], workers=2)
