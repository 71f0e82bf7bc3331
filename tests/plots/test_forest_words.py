"""Forest plots: columns, totals, sides, marks of recovered rows and the footer."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ketameta.plots import ForestOptions, forest

from .artists import labelled
from .forest_texts import Z, cells, plain, row_of, words


def test_columns_say_what_the_trials_reported(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    fit = make.pooled(rows)
    ax = forest(fit)
    first = rows.iloc[0]
    half = Z * np.sqrt(first["vi"])
    numbers = [f"{first[x]:.0f}" if x[0] == "n" else f"{first[x]:.1f}" for x in ("n_t", "mean_t", "sd_t")]
    numbers += [f"{first[x]:.0f}" if x[0] == "n" else f"{first[x]:.1f}" for x in ("n_c", "mean_c", "sd_c")]
    effect = f"{first['yi']:.2f} [{first['yi'] - half:.2f}, {first['yi'] + half:.2f}]"
    expected = [*numbers, effect, f"{100 * fit.weights[0]:.1f}%"]
    assert cells(ax, row_of(ax, "Author1 ")) == [text.replace("-", "−") for text in expected]
    total = cells(ax, row_of(ax, "Random effects"))
    assert total[:2] == [str(rows["n_t"].sum()), str(rows["n_c"].sum())]
    assert total[-1] == "100.0%"
    assert cells(ax, row_of(ax, "Study")) == ["n", "Mean", "SD", "n", "Mean", "SD", "SMD [95% CI]", "Weight"]
    assert cells(ax, row_of(ax, "Study") + 1) == ["Ketamine", "Midazolam"]


def test_counts_are_printed_as_events_of_totals(make: SimpleNamespace) -> None:
    rows = make.counts(4)
    ax = forest(make.pooled(rows))
    first = rows.iloc[0]
    shown = cells(ax, row_of(ax, "Author1 "))
    assert shown[:2] == [f"{first['events_t']}/{first['total_t']}", f"{first['events_c']}/{first['total_c']}"]
    assert shown[2].startswith(f"{np.exp(first['yi']):.2f} [")
    assert cells(ax, row_of(ax, "Random effects"))[0] == f"{rows['events_t'].sum()}/{rows['total_t'].sum()}"


def test_a_total_is_left_out_where_a_number_is_missing(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    rows["n_t"] = rows["n_t"].astype(float)
    rows.loc[2, "n_t"] = np.nan
    ax = forest(make.pooled(rows))
    assert cells(ax, row_of(ax, "Random effects"))[0] == str(rows["n_c"].sum())


@pytest.mark.parametrize(
    ("kind", "changes", "favours", "expected"),
    [
        ("arms", {}, None, ("← Favours ketamine", "Favours midazolam →")),
        ("arms", {"higher_is_worse": False}, None, ("← Favours midazolam", "Favours ketamine →")),
        ("arms", {"higher_is_worse": None}, None, ("← Lower with ketamine", "Higher with ketamine →")),
        ("arms", {"drug": "esketamine"}, None, ("← Favours esketamine", "Favours midazolam →")),
        ("counts", {}, None, ("← Favours comparator", "Favours ketamine →")),
        ("counts", {"outcome": "relapse"}, None, ("← Favours ketamine", "Favours comparator →")),
        ("counts", {"higher_is_worse": True}, None, ("← Lower with ketamine", "Higher with ketamine →")),
        ("counts", {}, ("saline", "drug"), ("← Favours saline", "Favours drug →")),
    ],
)
def test_sides_say_whom_they_favour(
    make: SimpleNamespace, kind: str, changes: dict, favours: tuple | None, expected: tuple
) -> None:
    ax = forest(make.pooled(getattr(make, kind)(5).assign(**changes)), favours=favours)
    left, right = (next(text for text in ax.texts if plain(text) == words) for words in expected)
    null = ax.transData.transform((1.0 if kind == "counts" else 0.0, 0))[0]
    assert left.get_window_extent().x1 <= null <= right.get_window_extent().x0


def test_rows_that_disagree_favour_nobody(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    rows["higher_is_worse"] = [True, True, False, True]
    assert "Favours" not in words(forest(make.pooled(rows)))


def test_weights_of_subgroups_are_shares_in_the_overall_estimate(make: SimpleNamespace) -> None:
    rows = make.arms(6)
    result = make.grouped(rows, "comparator_class")
    ax = forest(result)
    for label, weight in zip(result.overall.rows["label"], result.overall.weights, strict=True):
        assert cells(ax, row_of(ax, label))[-1] == f"{100 * weight:.1f}%"
    whole = [place for place in ax.get_yticks() if cells(ax, float(place))[-1:] == ["100.0%"]]
    assert whole == [row_of(ax, "Random effects (k = 6)")]
    assert "shares in the overall estimate" in words(ax)


def test_recovered_and_provisional_rows_are_marked(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    rows.loc[1, "imputed"] = "sd_t = se_t * sqrt(n_t)"
    rows.loc[2, "source_kind"] = "secondary-text"
    ax = forest(make.pooled(rows))
    labels = [plain(label).strip() for label in ax.get_yticklabels()]
    assert "Author2 2001†" in labels
    assert "Author3 2002‡" in labels
    assert "Author1 2000" in labels
    assert "† Recovered: sd_t = se_t * sqrt(n_t)." in words(ax)
    assert "‡ Provisional" in words(ax)


def test_many_kinds_of_recovery_share_one_mark(make: SimpleNamespace) -> None:
    rows = make.arms(8)
    rows["imputed"] = [f"formula {i}" for i in range(8)]
    rows.loc[0, "source_kind"] = "secondary-text"
    ax = forest(make.pooled(rows))
    labels = [plain(label).strip() for label in ax.get_yticklabels()]
    assert "Author1 2000†‡" in labels
    assert "Author2 2001†" in labels
    assert words(ax).count("† A statistic was recovered") == 1


def test_footer_says_method_and_provenance(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    whole = words(forest(fit)).replace("\n", " ")
    for word in (*fit.method.split(), fit.provenance.rows_sha256[:12]):
        assert word in whole
    assert fit.provenance.rows_sha256[:12] not in words(forest(fit, options=ForestOptions(footer=False)))


def test_rows_of_one_name_stay_apart_and_dollars_are_not_mathematics(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    rows["label"] = ["Same 2000", "Same 2000", r"Cost $5 or $\frac 2001", "Study"]
    ax = forest(make.pooled(rows))
    ax.figure.canvas.draw()
    labels = [plain(label).strip() for label in ax.get_yticklabels()][::-1]
    assert labels[:5] == ["Study", "Same 2000", "Same 2000", r"Cost \$5 or \$\frac 2001", "Study"]
    assert len(labelled(ax, "_estimate")) == 4


def test_narrow_figures_give_up_columns_but_never_the_effect(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(4))
    ax = forest(fit, options=ForestOptions(width_mm=85))
    head = cells(ax, row_of(ax, "Study"))
    assert "Mean" not in head
    assert "SMD [95% CI]" in head
    none = forest(fit, options=ForestOptions(columns="none", weight=False))
    assert cells(none, row_of(none, "Study")) == ["SMD [95% CI]"]
    only_n = forest(fit, options=ForestOptions(columns="n"))
    assert cells(only_n, row_of(only_n, "Study")) == ["n", "n", "SMD [95% CI]", "Weight"]
