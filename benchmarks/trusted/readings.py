"""Other numbers that could say that a cell is of no known type, of the same fits.

========================  =========================================================================
reading                   what is high where a cell is new
========================  =========================================================================
energy                    -log sum exp of a network's logits (Liu et al. 2020)
max softmax, Teacher      1 less the Teacher's largest probability
both networks             entropy of the mean of the two networks' probabilities
networks disagree         what that entropy is above the mean of their entropies
dropout                   the same over passes of the Student with its dropout on (Gal and
                          Ghahramani 2016; Houlsby et al. 2011)
distance to types         Mahalanobis distance to the nearest type's mean, of one covariance within
                          types (Lee et al. 2018)
nearest cells             mean distance to the nearest reference cells (Sun et al. 2022)
========================  =========================================================================

Distances are measured in each network's embedding and among the tokens of the Teacher's patterns,
as they come from the Navigator, along their principal components. What is compared with are cells
that the networks learned from. Nothing is calibrated and no threshold is set: measured is the area
under the ROC curve, which needs neither.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from kept_models import fitted
from predictions import LABELS, name_columns
from study.rows import RowsByKey
from study.runs import say
from tasks import load_task, read_tasks
from trusted.answers import entropy_of, rest_of
from trusted.names import FROM_LEFT_OUT
from trusted.running import Bench, Choice, benches

if TYPE_CHECKING:
    from anndata import AnnData
    from scipy.sparse import csr_matrix
    from sklearn.decomposition import PCA
    from study.rows import Row

    from plkd import CellAnnotator

FILE = "trust_readings.csv"
KEY = ("task", "left_out", "method", "seed")
REFERENCE_CELLS = 3000
"""Cells of the reference that are compared with, at most."""
TOKENS = "tokens"
NEAREST = 10
PASSES = 20
COMPONENTS = 50
CELLS_AT_A_TIME = 128


class Heard(NamedTuple):
    """What the networks make of some cells, by network and by space."""

    logits: dict[str, np.ndarray]
    """``(n_cells, n_types)`` of each network."""
    places: dict[str, np.ndarray]
    """Where the cells lie in each space, ``(n_cells, width)``."""


def run(choice: Choice, folder: Path, file: Path) -> None:
    """Write the area under the ROC curve of every reading: of each task, left-out type and seed.

    Rows of the file that are not measured again stay.
    """
    kept = RowsByKey(file, KEY)
    for task in read_tasks(folder, choice.tasks):
        cells = load_task(folder, task)
        name_columns(cells)
        for bench in benches(cells, replace(choice, known=FROM_LEFT_OUT)):
            for seed in choice.seeds:
                say(f"{task.name}, without {bench.left_out}, readings, seed {seed}")
                fit = fitted(
                    bench.cells.reference, folder, name=bench.name, seed=seed, models=choice.models
                )
                kept.keep(measured(bench, fit.model, seed))


def measured(bench: Bench, model: CellAnnotator, seed: int) -> Iterator[Row]:
    """Yield a row for each reading of a fit."""
    from sklearn.metrics import roc_auc_score

    new = bench.cells.query.obs[LABELS].to_numpy().astype(str) == bench.left_out
    head = {"task": bench.cells.task.name, "left_out": bench.left_out, "seed": seed}
    found = readings(bench.cells.reference, bench.cells.query, model, seed)
    for name, values in found.items():
        auroc = round(float(roc_auc_score(new, values)), 5)
        yield {**head, "by_rule": int(bench.by_rule), "method": name, "auroc": auroc}


def readings(
    reference: AnnData, query: AnnData, model: CellAnnotator, seed: int
) -> dict[str, np.ndarray]:
    """Return each reading of the query's cells, ``(n_query,)``, high where a cell is new."""
    from scipy.special import logsumexp, softmax

    from plkd.trust.type_space import type_clouds

    chosen = np.sort(np.random.default_rng(seed).permutation(reference.n_obs)[:REFERENCE_CELLS])
    known = reference[chosen]
    codes = np.unique(known.obs[LABELS].to_numpy().astype(str), return_inverse=True)[1]
    cells, compared = in_model_terms(query, model), in_model_terms(known, model)
    components = token_components(compared, model)
    here, there = (heard(matrix, model, components) for matrix in (cells, compared))
    student, teacher = here.logits["Student"], here.logits["Teacher"]
    both = np.stack([softmax(student, axis=1), softmax(teacher, axis=1)])
    found = {
        "energy, Student": -logsumexp(student, axis=1),
        "energy, Teacher": -logsumexp(teacher, axis=1),
        "max softmax, Teacher": rest_of(both[1]),
        "both networks": entropy_of(both.mean(0)),
        "networks disagree": disagreement(both),
        "dropout": disagreement(with_dropout(cells, model, seed)),
    }
    for space, points in here.places.items():
        clouds = type_clouds(there.places[space], codes, codes.max() + 1)
        found[f"distance to types, {space}"] = clouds.distance(points)
        found[f"nearest cells, {space}"] = distance_to_cells(points, there.places[space])
    return found


def in_model_terms(cells: AnnData, model: CellAnnotator) -> csr_matrix:
    """Return log1p counts per 10,000 over the model's genes, CSR ``(n_cells, n_genes)``."""
    from plkd.data import source_from_anndata
    from plkd.model.query import open_query

    query = open_query(source_from_anndata(cells), model)
    return query.in_model_genes(np.arange(cells.n_obs), chunk_size=4096)


def token_components(cells: csr_matrix, model: CellAnnotator) -> PCA:
    """Learn the principal components of the Navigator's tokens, side by side."""
    from sklearn.decomposition import PCA

    tokens = np.concatenate([tokens_of(batch, model) for batch in batches(cells)])
    return PCA(min(COMPONENTS, *tokens.shape), svd_solver="randomized", random_state=0).fit(tokens)


def heard(cells: csr_matrix, model: CellAnnotator, components: PCA) -> Heard:
    """Return logits and embeddings of both networks, and the tokens along their components."""
    import torch

    parts: dict[str, list[np.ndarray]] = {}
    with torch.inference_mode():
        for batch in batches(cells):
            parts.setdefault(TOKENS, []).append(components.transform(tokens_of(batch, model)))
            for name, network in (("Student", model.student_), ("Teacher", model.teacher_)):
                said = network(torch.from_numpy(batch))
                parts.setdefault(f"logits, {name}", []).append(said.logits.numpy())
                parts.setdefault(name, []).append(said.embedding.numpy())
    whole = {name: np.concatenate(each) for name, each in parts.items()}
    logits = {name: whole.pop(f"logits, {name}") for name in ("Student", "Teacher")}
    return Heard(logits, whole)


def tokens_of(batch: np.ndarray, model: CellAnnotator) -> np.ndarray:
    """Return the tokens that the Teacher's Transformer is given, float32 ``(n_cells, m * h)``."""
    import torch

    with torch.inference_mode():
        return model.teacher_.navigator(torch.from_numpy(batch)).flatten(1).numpy()


def with_dropout(cells: csr_matrix, model: CellAnnotator, seed: int) -> np.ndarray:
    """Return the Student's probabilities with dropout on, ``(n_passes, n_cells, n_types)``."""
    import torch

    student = copy.deepcopy(model.student_).train()
    with torch.inference_mode(), torch.random.fork_rng():
        torch.manual_seed(seed)
        passes = [
            [student(torch.from_numpy(batch)).logits.softmax(1).numpy() for batch in batches(cells)]
            for _ in range(PASSES)
        ]
    return np.stack([np.concatenate(each) for each in passes])


def disagreement(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy of the mean less the mean entropy, ``(n_cells,)``, in nats.

    Parameters
    ----------
    probabilities
        Of several networks or passes, ``(n, n_cells, n_types)``.
    """
    each = np.mean([entropy_of(one) for one in probabilities], axis=0)
    return entropy_of(probabilities.mean(0)) - each


def distance_to_cells(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the mean distance of each point to its nearest reference cells."""
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=min(NEAREST, len(reference))).fit(reference)
    return nearest.kneighbors(points)[0].mean(1)


def batches(cells: csr_matrix) -> Iterator[np.ndarray]:
    """Yield some cells at a time with their zeros written out."""
    for start in range(0, cells.shape[0], CELLS_AT_A_TIME):
        yield cells[start : start + CELLS_AT_A_TIME].toarray()
