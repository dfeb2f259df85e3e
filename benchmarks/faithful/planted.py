"""Part (d): whether the pattern that was switched on is found, masked and learned.

For each type the sets that were planted in it are told from all other sets by a score; the AUROC
says how well, 1 for perfectly and 0.5 for chance. Scores are

==================  =============================================================================
pattern score       with the mask: the score of the set's pattern in ``plkd.tl.patterns``
drawn weights       the same score where the weights of the Navigator are drawn at random: what is
                    due to the training is the difference
attention           with the mask: the type's mean attention to the pattern less the mean of that
                    of the other types
enrichment          learned patterns (no set is given to the model): of the type's ten patterns,
                    the best -log10 p of their genes' enrichment in the set
set mean            no network: scanpy's t-test of the mean log1p expression of the set's genes,
                    the same test that ``plkd.tl.patterns`` puts its patterns to
==================  =============================================================================

Sets overlap, as real sets do: an unplanted set that shares genes with a planted one is up in the
type as well, and an honest near miss. "AUROC" counts it as a mistake; "AUROC, apart" leaves out the
sets that share a quarter or more of the smaller one's genes with a set planted in the type. "first"
is the share of the planted sets that stand in the first places, as many as were planted.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from faithful.offered import compared, in_terms_of
from faithful.rows import row
from faithful.simulation import Design, Simulated, simulate
from kept_models import fitted_as
from predictions import LABELS
from study.rows import Row

if TYPE_CHECKING:
    from plkd import CellAnnotator
    from plkd.config import TrainConfig
    from plkd.data.gene_sets import GeneSets
    from plkd.tools.pattern_results import Patterns

PART = "planted"
MASK, LEARNED = "mask", "learned"
PATTERN, DRAWN, ATTENTION = "pattern score", "drawn weights", "attention"
ENRICHMENT, SET_MEAN = "enrichment", "set mean"
NEAR = 0.25
GMT = "hallmark_v6.2_human.gmt"
LEAST_P = 1e-300

Scores = Mapping[str, np.ndarray]
"""Score of every type and set, ``(n_types, n_sets)``, by method."""


def planted_rows(
    sets: GeneSets,
    *,
    how: str,
    seed: int,
    design: Design | None = None,
    training: TrainConfig | None = None,
    models: Path | None = None,
) -> list[Row]:
    """Simulate, train and score.

    Parameters
    ----------
    how
        "mask" gives the sets to the model, "learned" does not.
    seed
        Of the simulation and of the training.
    models
        Folder in which the model is kept, or taken from where it is; ``None`` keeps none.
    """
    import plkd

    simulated = simulate(sets, design or Design(), seed)
    model = plkd.CellAnnotator(sets if how == MASK else None, training=training, seed=seed)
    model = fitted_as(model, simulated.cells, name=f"{PART}-{how}", models=models).model
    found = plkd.tl.patterns(simulated.cells, model, labels_key=LABELS, sets=sets)
    names, members = candidates(sets, model)
    if how == MASK:
        drawn = with_drawn_weights(model, seed)
        control = plkd.tl.patterns(simulated.cells, drawn, labels_key=LABELS, sets=sets)
        scores = {
            **masked_scores(found, names),
            DRAWN: masked_scores(control, names)[PATTERN],
            SET_MEAN: set_means(simulated, model, members),
        }
    else:
        scores = {ENRICHMENT: learned_scores(found, names)}
    return [
        row(
            *(PART, how, method),
            seed=seed,
            measure=measure,
            value=value,
            cell_type=name,
        )
        for method, of_types in scores.items()
        for name, score in zip(found.cell_types, of_types, strict=True)
        for measure, value in measures(score, names, members, simulated.planted[name])
    ]


def candidates(sets: GeneSets, model: CellAnnotator) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the sets that a mask would have, and which of the model's genes each holds."""
    from plkd.data.gene_sets import pattern_mask

    mask = pattern_mask(model.genes_.names, sets)
    n_sets = mask.n_patterns - mask.n_free
    return mask.pattern_names[:n_sets], mask.dense()[:, :n_sets].T


def masked_scores(found: Patterns, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return pattern score and attention of the patterns that are sets."""
    columns = [found.pattern_names.index(name) for name in names]
    attention = found.rollout_of_type[:, columns]
    n_types = len(attention)
    others = (attention.sum(0) - attention) / (n_types - 1)
    return {PATTERN: found.score[:, columns], ATTENTION: attention - others}


def with_drawn_weights(model: CellAnnotator, seed: int) -> CellAnnotator:
    """Return a copy whose patterns hold the same genes and have learned nothing of them."""
    import torch

    untrained = copy.deepcopy(model)
    teacher = untrained.teacher_
    if teacher is None:
        raise ValueError("a model without its Teacher")
    weight = teacher.navigator.weight
    drawn = np.random.default_rng([seed, 29]).uniform(-1, 1, tuple(weight.shape))
    with torch.no_grad():
        weight.copy_(torch.from_numpy(drawn))
    return untrained


def set_means(simulated: Simulated, model: CellAnnotator, members: np.ndarray) -> np.ndarray:
    """Return the test score of the sets' mean expression, ``(n_types, n_sets)``."""
    values = in_terms_of(simulated.cells, model)
    means = values @ (members / members.sum(1, keepdims=True)).T.astype(np.float32)
    types = tuple(simulated.planted)
    codes = np.array([types.index(name) for name in simulated.cells.obs[LABELS]])
    return compared(means, codes, types, method="t-test_overestim_var")


def learned_scores(found: Patterns, names: tuple[str, ...]) -> np.ndarray:
    """Return the best -log10 p over the patterns of each type, ``(n_types, n_sets)``; 0 if none."""
    scores = np.zeros((len(found.cell_types), len(names)))
    for line, cell_type in zip(scores, found.cell_types, strict=True):
        for one in found.of_type(cell_type):
            tested = {each.name: each.p for each in found.enriched[one.pattern]}
            surprise = [-np.log10(max(tested[name], LEAST_P)) for name in names]
            np.maximum(line, surprise, out=line)
    return scores


def measures(
    score: np.ndarray, names: tuple[str, ...], members: np.ndarray, planted: tuple[str, ...]
) -> Iterator[tuple[str, float]]:
    """Yield the measures of one type: AUROC, AUROC apart, first, and how many near misses."""
    from sklearn.metrics import roc_auc_score

    truth = np.isin(names, planted)
    near = ~truth & near_to(members, truth)
    yield "AUROC", float(roc_auc_score(truth, score))
    yield "AUROC, apart", float(roc_auc_score(truth[~near], score[~near]))
    first = np.argsort(-score, kind="stable")[: truth.sum()]
    yield "first", float(truth[first].mean())
    yield "near misses", float(near.sum())


def near_to(members: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return which sets share a quarter of the smaller one's genes with a set that is true."""
    held = members.astype(float)
    smaller = np.minimum.outer(held.sum(1), held.sum(1))
    return ((held @ held.T / smaller)[:, truth] >= NEAR).any(1)


def planted_sets(folder: Path) -> GeneSets:
    """Return the gene sets that are planted: the 50 Hallmark sets of the data folder."""
    import plkd

    return plkd.pp.read_gene_sets(folder / "gene_sets" / GMT)
