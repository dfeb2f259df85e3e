"""Part (a): whether the genes that an explanation names carry the prediction on unseen cells.

Genes are ranked on the reference. Then, on the query's cells of a type (by the truth; at most 300
of them, drawn once), the first k genes of a ranking are deleted, or only these are inserted, and
the Student's mean probability of the type is read: the same network throughout. What is deleted
gets the value zero, or that of the background: the mean over the other types' mean cells in the
reference. What is inserted goes into that mean cell, or into a cell of zeros.

Alternatives are scanpy's Wilcoxon test, the Teacher's attention, the mean expression in the type,
and genes at random (the mean of five orders). ``own shap`` is no alternative: each cell's genes by
its own SHAP values, which are computed on the very cell that is then changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from faithful.curves import Way, area, curve, steps_for
from faithful.offered import Offered, expression, in_terms_of, wilcoxon
from faithful.rows import row
from predictions import LABELS
from study.rows import Row

if TYPE_CHECKING:
    from anndata import AnnData
    from faithful.readings import Reading

PART = "deletion"
MODES: tuple[tuple[Way, str], ...] = (
    ("deletion", "zero"),
    ("insertion", "background"),
    ("deletion", "background"),
    ("insertion", "zero"),
)
"""Ways and bases; the first two are what is claimed, the others are shown beside them."""

ALTERNATIVES = ("wilcoxon", "attention", "expression", "random")
SHAP, SIGNED, OWN = "shap", "shap, signed", "own shap"
MAX_CELLS, MIN_CELLS, N_RANDOM = 300, 5, 5

Ranked = Mapping[str, Sequence[np.ndarray]]
"""Orders of the genes by method; the curves of several orders are averaged."""


@dataclass(frozen=True)
class Tried:
    """Cells of one type that are changed, and what stands in for a gene's value.

    Attributes
    ----------
    values
        log1p counts per 10,000 in the model's genes, float32 ``(n_cells, n_genes)``.
    bases
        Value of each gene, ``(n_genes,)``, by the name of the base.
    score
        Mean probability of the type over cells.
    """

    values: np.ndarray
    bases: Mapping[str, np.ndarray]
    score: Callable[[np.ndarray], float]


def deletion_rows(reading: Reading, query: AnnData, *, task: str, seed: int) -> list[Row]:
    """Return the areas of every type, and the curves averaged over types.

    Parameters
    ----------
    query
        Cells never seen, types in ``obs[LABELS]``; types with fewer than five cells are left out.
    """
    names = query.obs[LABELS].astype(str).to_numpy()
    chosen = query[some_of_each(names)].copy()
    shared = {**reading.orders(), **plain_orders(reading.cells, seed)}
    curves: dict[tuple[str, Way, str], list[list[float]]] = {}
    rows: list[Row] = []
    for name in (name for name in reading.cells.types if name in set(chosen.obs[LABELS])):
        tried, own = of_type(reading, chosen, name)
        ranked = {method: [each[name] for each in several] for method, several in shared.items()}
        for method, way, base, heights in tried_curves(tried, {**ranked, OWN: [own]}):
            steps = steps_for(tried.values.shape[1])
            rows.append(
                row(
                    *(PART, task, method),
                    seed=seed,
                    measure=f"{way} area",
                    value=area(steps, heights),
                    cell_type=name,
                    base=base,
                )
            )
            curves.setdefault((method, way, base), []).append(heights)
    for (method, way, base), several in curves.items():
        heights = np.mean(several, axis=0).tolist()
        for step, value in zip(steps_for(len(reading.cells.genes)), heights, strict=True):
            rows.append(
                row(
                    *(PART, task, method),
                    seed=seed,
                    measure=way,
                    value=value,
                    base=base,
                    step=step,
                )
            )
    return rows


def some_of_each(names: np.ndarray) -> np.ndarray:
    """Return cells of each type that has five: all of them, or 300 drawn; positions, ascending."""
    rng = np.random.default_rng(0)
    drawn = []
    for name in np.unique(names):
        cells = np.flatnonzero(names == name)
        if len(cells) >= MIN_CELLS:
            drawn.append(rng.permutation(cells)[:MAX_CELLS])
    return np.sort(np.concatenate(drawn))


def plain_orders(cells: Offered, seed: int) -> dict[str, list[Mapping[str, np.ndarray]]]:
    """Return the rankings that need no network, a list of orders for each."""
    rng = np.random.default_rng(seed)
    by_chance = [rng.permutation(len(cells.genes)) for _ in range(N_RANDOM)]
    return {
        "wilcoxon": [wilcoxon(cells)],
        "expression": [expression(cells)],
        "random": [dict.fromkeys(cells.types, order) for order in by_chance],
    }


def of_type(reading: Reading, chosen: AnnData, name: str) -> tuple[Tried, np.ndarray]:
    """Return the cells of a type that have counts, and each one's genes by its own SHAP values."""
    import plkd
    from plkd.model.predict import Predictor

    own = plkd.tl.attributions(
        chosen,
        reading.model,
        labels_key=LABELS,
        types=[name],
        background=reading.reference,
        values_of=name,
    )
    predictor, code = Predictor(reading.model, "student"), reading.model.classes_.index(name)
    values = in_terms_of(chosen[own.cells].copy(), reading.model)
    bases = {
        "zero": np.zeros(values.shape[1], np.float32),
        "background": reading.cells.mean_of_others(code),
    }
    tried = Tried(values, bases, lambda cells: predictor(cells).probabilities[:, code].mean())
    return tried, np.argsort(-own.values, axis=1, kind="stable")


def tried_curves(tried: Tried, ranked: Ranked) -> Iterator[tuple[str, Way, str, list[float]]]:
    """Yield method, way, base and the curve, averaged over the orders of a method."""
    steps = steps_for(tried.values.shape[1])
    for way, base in MODES:
        for method, orders in ranked.items():
            several = [
                curve(
                    tried.score,
                    tried.values,
                    tried.bases[base],
                    order=order,
                    way=way,
                    steps=steps,
                )
                for order in orders
            ]
            yield method, way, base, np.mean(several, axis=0).tolist()
