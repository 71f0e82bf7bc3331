"""Sphinx configuration."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from ketameta import __version__

project = "ketameta"
author = "The ketameta developers"
copyright = "2026, the ketameta developers"
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["dollarmath"]
napoleon_google_docstring = False
napoleon_use_ivar = True
autodoc_typehints = "none"
autosummary_generate = False
exclude_patterns = ["_build", "_generated"]
html_theme = "alabaster"
html_theme_options = {"description": "How well, how sure, how long", "page_width": "60rem"}
nitpicky = False


def _write_dictionary(_app: object) -> None:
    """Write the data dictionary as Markdown tables."""
    import json

    root = Path(__file__).resolve().parents[1]
    package = json.loads((root / "data" / "datapackage.json").read_text(encoding="utf-8"))
    lines = []
    for resource in package["resources"]:
        lines += [f"## {resource['path']}", "", "| column | type | meaning |", "| --- | --- | --- |"]
        for field in resource["schema"]["fields"]:
            meaning = field["description"]
            allowed = field.get("constraints", {}).get("enum")
            if allowed:
                meaning += " One of: " + ", ".join(f"`{value}`" for value in allowed) + "."
            lines.append(f"| `{field['name']}` | {field['type']} | {meaning.replace('|', chr(92) + '|')} |")
        lines.append("")
    folder = Path(__file__).parent / "_generated"
    folder.mkdir(exist_ok=True)
    (folder / "dictionary.md").write_text("\n".join(lines), encoding="utf-8")


def setup(app: object) -> None:
    """Make the dictionary before the pages are read."""
    app.connect("builder-inited", _write_dictionary)  # type: ignore[attr-defined]
