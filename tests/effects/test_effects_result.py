"""EffectSize: a frozen pair of arrays that can say what it holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ketameta import effects


def test_fields_are_frozen() -> None:
    effect = effects.md(1, 1, 10, 2, 1, 10)
    assert [field.name for field in dataclasses.fields(effect)] == ["yi", "vi"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        effect.yi = np.array(0.0)  # type: ignore[misc]
    assert not hasattr(effect, "__dict__")


def test_frames_and_dictionaries() -> None:
    effect = effects.md([1, 3], 1, 10, 2, 1, 10)
    assert effect.to_frame().columns.tolist() == ["yi", "vi", "sei"]
    assert effect.to_frame()["sei"].tolist() == pytest.approx(np.sqrt([0.2, 0.2]))
    assert effect.to_dict() == {"yi": [-1.0, 1.0], "vi": [0.2, 0.2]}
    assert effects.md(1, 1, 10, 2, 1, 10).to_dict() == {"yi": -1.0, "vi": 0.2}


def test_words() -> None:
    assert effects.md(1, 1, 10, 2, 1, 10).sentence() == "The effect is \N{MINUS SIGN}1.000 (SE 0.447)."
    assert (
        effects.md([1, 3], 1, 10, 2, 1, 10).sentence() == "2 effects between \N{MINUS SIGN}1.000 and 1.000."
    )


def test_text_and_html() -> None:
    effect = effects.md(np.arange(12), 1, 10, 2, 1, 10)
    text, html = str(effect), effect._repr_html_()
    assert "2 further effects are not shown" in text
    assert "12 rows, SHA-256" in text
    assert "<table>" in html
    assert "2 further effects" in html
    assert "further" not in str(effects.md(1, 1, 10, 2, 1, 10))
