from __future__ import annotations

import pytest

from ketameta import _progress
from ketameta._progress import Bar


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "_QUIET_SECONDS", 0.0)
    monkeypatch.setattr(_progress, "_PAUSE", 0.0)


def test_short_work_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar("work", 2, True)
    bar(1)
    bar(2)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("at_once")
def test_long_work_is_drawn_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar("work", 2_000, True)
    bar(500)
    bar(2_000)
    first, last = capsys.readouterr().err.lstrip("\r").split("\r")
    assert first.startswith(f"work [{'#' * 8}{' ' * 22}]  25% of 2,000, ")
    assert last.startswith(f"work [{'#' * 30}] 100% of 2,000, ")
    assert last.endswith(" s\n")


@pytest.mark.usefixtures("at_once")
def test_nothing_is_drawn_when_not_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    Bar("work", 1, False)(1)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("at_once")
def test_no_work_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    Bar("work", 0, True)(0)
    assert "0% of 1" in capsys.readouterr().err


def test_the_end_is_drawn_when_the_bar_was_begun(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "_QUIET_SECONDS", 0.0)
    bar = Bar("work", 2, True)
    bar.last = 0.0
    bar(1)
    bar(2)
    assert capsys.readouterr().err.count("\r") == 2
