"""The methods section of exactly what was run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ketameta._render import Card, Shown, plural
from ketameta._spelling import unknown
from ketameta.curves import CurveComparison, DurabilityCurve, RelapseCurves, RespondingCurve
from ketameta.errors import DataError
from ketameta.models import (
    Multilevel,
    PermutationTest,
    Pooled,
    PooledCounts,
    Posterior,
    Regression,
    RobustMultilevel,
    Subgroups,
)
from ketameta.reporting import methods_dependent as dependent
from ketameta.reporting import methods_models as models
from ketameta.reporting.bibliography import references_bib
from ketameta.reporting.grade_result import SummaryOfFindings
from ketameta.reporting.methods_data import data_sentences, software_sentences
from ketameta.reporting.methods_effects import effect_sentences
from ketameta.reporting.methods_findings import summarised
from ketameta.reporting.phrases import Sentence, listed, named, said

__all__ = ["MethodsText", "merged", "methods_text", "synthesis_sentences"]

_STYLES = ("text", "markdown", "latex")
_MODELS: dict[type, tuple[str, Callable[[Any], Iterator[Sentence]]]] = {
    Pooled: ("a pooled effect", models.pooled),
    Subgroups: ("pooled effects of subgroups", models.subgrouped),
    Regression: ("a meta-regression", models.regressed),
    PooledCounts: ("pooled counts", models.counts),
    Posterior: ("a Bayesian meta-analysis", models.posterior),
    PermutationTest: ("a permutation test", models.permuted),
    Multilevel: ("a multilevel model", dependent.multilevel),
    RobustMultilevel: ("cluster-robust tests", dependent.robust),
    DurabilityCurve: ("a curve of the effect over time", dependent.curved),
    CurveComparison: ("a comparison of curves over time", dependent.compared),
    RespondingCurve: ("a curve of the share responding", dependent.responded),
    RelapseCurves: ("relapse-free curves", dependent.relapsed),
    SummaryOfFindings: ("a summary of findings", summarised),
}


@dataclass(frozen=True, slots=True, repr=False)
class MethodsText(Shown):
    """A methods section. Made by :func:`ketameta.methods_text`.

    Attributes
    ----------
    paragraphs : tuple of tuple of Sentence
        Data and selection, effect sizes, synthesis, software.
    references : str
        BibTeX of all that is cited, and of the reports behind the results.
    style : str
        What ``print()`` shows: text, markdown or latex.
    """

    paragraphs: tuple[tuple[Sentence, ...], ...]
    references: str
    style: str = "text"

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the works cited, each once, in order of appearance."""
        return tuple(dict.fromkeys(key for part in self.paragraphs for one in part for key in one.keys))

    @property
    def text(self) -> str:
        """Plain text with authors and years in parentheses."""
        names = named(self.keys)
        return self._joined(lambda sentence: sentence.text(names))

    @property
    def markdown(self) -> str:
        """Markdown with citations such as ``[@hartung2001]``, as Pandoc reads them."""
        return self._joined(lambda sentence: sentence.markdown)

    @property
    def latex(self) -> str:
        r"""LaTeX with ``\citep`` of natbib."""
        return self._joined(lambda sentence: sentence.latex)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold."""
        return {
            "text": self.text,
            "markdown": self.markdown,
            "latex": self.latex,
            "keys": list(self.keys),
            "references": self.references,
        }

    def sentence(self) -> str:
        """Say in one sentence what there is."""
        sentences = sum(map(len, self.paragraphs))
        return f"Methods in {plural(sentences, 'sentence')}, with {plural(len(self.keys), 'work')} cited."

    def __str__(self) -> str:
        return str(getattr(self, self.style))

    def _joined(self, written: Callable[[Sentence], str]) -> str:
        return "\n\n".join(" ".join(map(written, part)) for part in self.paragraphs)

    def _card(self) -> Card:
        names = named(self.keys)
        rows = tuple((str(i), one.text(names)) for i, part in enumerate(self.paragraphs, 1) for one in part)
        footer = ("Copy from .text, .markdown or .latex; .references is the BibTeX file",)
        return Card("Methods", ("paragraph", "sentence"), rows, (), footer)


def methods_text(*results: Any, style: str = "text") -> MethodsText:
    """The methods section of exactly what was run, with citations.

    Every sentence is made of the fields of the results and of the steps that they carry. What was not run is not
    mentioned, and what several results have in common is said once.

    Parameters
    ----------
    *results : result
        Pools, subgroups, meta-regressions, multilevel models and their cluster-robust tests, pooled counts, posteriors,
        permutation tests, curves over time, summaries of findings.
    style : {"text", "markdown", "latex"}
        What ``print()`` shows.

    Returns
    -------
    MethodsText
        ``text`` (authors and years), ``markdown`` (Pandoc citations), ``latex`` (natbib), ``keys`` and ``references``
        (BibTeX).

    Raises
    ------
    DataError
        When nothing is given, something is no result of ketameta, or the style does not exist.

    Notes
    -----
    Rows that were taken out of a table by hand, between the steps, leave no trace in the words but in the number of rows
    and their SHA-256.

    Examples
    --------
    >>> import ketameta as km
    >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18], vi=[0.09, 0.05, 0.04, 0.07], tau2="PM", ci="Wald")
    >>> methods = km.methods_text(fit)
    >>> "tau2 was estimated by the method of Paule and Mandel (Viechtbauer, 2005; Paule and Mandel, 1982)" in methods.text
    True
    >>> "[@viechtbauer2005; @paule1982]" in methods.markdown
    True
    """
    if style not in _STYLES:
        raise DataError(unknown("style", style, _STYLES))
    if not results:
        raise DataError("methods_text() needs a result, such as that of pool()")
    made = [_sections(result) for result in results]
    paragraphs = [merged(part) for part in zip(*made, strict=True)]
    if len(results) > 1:
        paragraphs[0] = (_contents(results), *paragraphs[0])
    return MethodsText(tuple(part for part in paragraphs if part), references_bib(*results), style)


def synthesis_sentences(result: Any) -> tuple[Sentence, ...]:
    """How a result was computed from its effects.

    Raises
    ------
    DataError
        When it is no result of ketameta.
    """
    return tuple(_known(result)[1](result))


def _known(result: Any) -> tuple[str, Callable[[Any], Iterator[Sentence]]]:
    for kind, known in _MODELS.items():
        if isinstance(result, kind):
            return known
    raise DataError(
        f"no methods are known for a {type(result).__name__}; give results, such as those of pool() or durability()"
    )


def _sections(result: Any) -> tuple[tuple[Sentence, ...], ...]:
    synthesis = synthesis_sentences(result)
    return (
        tuple(data_sentences(result)),
        tuple(effect_sentences(result)),
        synthesis,
        tuple(software_sentences(result)),
    )


def _contents(results: Sequence[Any]) -> Sentence:
    names = [f"({i}) {_known(result)[0]}" for i, result in enumerate(results, 1)]
    return said(f"The analyses were {listed(names)}")


def merged(parts: Sequence[Sequence[Sentence]]) -> tuple[Sentence, ...]:
    """Sentences of several results, each once: first those of all, then the others under the numbers of theirs."""
    speakers: dict[Sentence, list[int]] = {}
    for i, sentences in enumerate(parts, 1):
        for sentence in dict.fromkeys(sentences):
            speakers.setdefault(sentence, []).append(i)
    everyone = tuple(i for i, sentences in enumerate(parts, 1) if sentences)
    groups: dict[tuple[int, ...], list[Sentence]] = {everyone: []}
    for sentence, numbers in speakers.items():
        groups.setdefault(tuple(numbers), []).append(sentence)
    shared = groups.pop(everyone)
    found = list(shared)
    for who, (first, *rest) in groups.items():
        label = f"{'Analysis' if len(who) == 1 else 'Analyses'} {listed([str(i) for i in who])}"
        found += [Sentence(f"{label}: {first.words}", first.keys), *rest]
    return tuple(found)
