"""Learn when a model is to be believed, from networks that have not seen some of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from plkd.data.rows import positive_in_row
from plkd.model.halves import Halves, halves, halves_are_asked
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher
from plkd.training.cells import Cells
from plkd.training.teach import altered, predict
from plkd.trust.confidence import fit_calibration, likely_slope
from plkd.trust.conformal import held_out_scores
from plkd.trust.drift import Condition
from plkd.trust.gene_discriminant import GeneDiscriminant, gene_discriminant, is_small
from plkd.trust.group_scale import GroupScale, group_scale
from plkd.trust.group_space import GroupSpace, group_space
from plkd.trust.groups import FEWEST_CELLS
from plkd.trust.learned import NetworkTrust, Trust
from plkd.trust.lone_scale import lone_scale
from plkd.trust.novelty import FALSE_ALARM, novelty_scale, readings_of
from plkd.trust.type_space import TypeClouds, TypeSpace, centred_length, type_clouds, type_space

Networks = Mapping[str, Student | Teacher]

MOST_HELD_OUT: Mapping[str, int] = {"student": 5000, "teacher": 1000}
MOST_OF_TYPE: Mapping[str, int] = {"student": 500, "teacher": 100}
"""Cells that each network is asked about, at most; the Teacher takes its time."""

SHIFT_GENES = 2.0
DROP_GENES = 0.5
"""Batch effects made up for held-out cells, as large as those that the Teacher learns under
(:class:`plkd.config.TrainConfig`)."""

AS_THEY_ARE = 3.0
"""What a held-out cell counts in the calibration beside itself under a made-up batch effect."""

CELLS_AT_A_TIME = 128


def learn_trust(
    networks: tuple[Networks, Networks],
    *,
    learning: Cells,
    held_out: Cells,
    cells: Cells,
    seed: int,
    discriminant_weight: float,
) -> Trust | None:
    """Return when the final networks are to be believed.

    Parameters
    ----------
    networks
        "student" and "teacher", trained on ``learning`` alone, their profiles beside them; then the
        same, trained on ``cells``.
    learning, held_out
        Reference cells that the tried networks have seen, and those that they have not.
    cells
        Reference cells that the final networks have seen.
    seed
        Decides which cells are asked about, and the batch effects made up for them.
    discriminant_weight
        How much a linear discriminant counts beside the networks; 0 for none.

    Returns
    -------
    ``None`` where fewer than two held-out cells have a label.

    Notes
    -----
    What is usual among cells of known types, calibration and sets are those of the tried networks;
    where types lie in expression and embedding, and the discriminant, is learned anew for the final
    ones. Where few cells are held out, halves of ``cells`` show what groups of known types look
    like (:mod:`plkd.model.halves`).
    """
    labelled = np.flatnonzero(held_out.codes >= 0)
    if len(labelled) < 2:
        return None
    known = learning.expression, learning.codes, learning.n_types
    space, groups = type_space(*known), group_space(*known)
    of_genes = partial(gene_discriminant, weight=discriminant_weight, small=is_small(cells.codes))
    beside = of_genes(*known) if discriminant_weight else None
    n_learned = int(np.count_nonzero(learning.codes >= 0))
    likely = likely_slope(n_learned, beside=beside is not None)
    asked = np.random.default_rng(seed).permutation(labelled)
    (tried, final), found = networks, {}
    by_halves = None
    if halves_are_asked(len(labelled), int(np.count_nonzero(cells.codes >= 0))):
        by_halves = halves(cells, made_up_effects(cells, seed))
    for name, network in tried.items():
        unseen = held_out.subset(np.sort(asked[: MOST_HELD_OUT[name]]))
        seen = _some_of_each_type(learning, MOST_OF_TYPE[name], seed)
        clouds = embedded_types(network, seen)
        trust = _trust_of(
            network,
            unseen,
            clouds,
            seed,
            known=(space, groups, beside),
            likely=likely,
            by_halves=by_halves,
        )
        seen = _some_of_each_type(cells, MOST_OF_TYPE[name], seed)
        found[name] = replace(trust, embedding=embedded_types(final[name], seen))
    whole = cells.expression, cells.codes, cells.n_types
    told = any(trust.grouped is not None for trust in found.values())
    return Trust(
        type_space(*whole),
        found,
        group_space(*whole) if told else None,
        None if beside is None else of_genes(*whole),
    )


def embedded_types(network: Student | Teacher, cells: Cells) -> TypeClouds:
    """Return where the types of labelled cells lie in a network's embedding."""
    return type_clouds(predict(network, cells)[1].numpy(), cells.codes, cells.n_types)


def _trust_of(
    network: Student | Teacher,
    cells: Cells,
    clouds: TypeClouds,
    seed: int,
    *,
    known: tuple[TypeSpace, GroupSpace, GeneDiscriminant | None],
    likely: float,
    by_halves: Halves | None,
) -> NetworkTrust:
    """Return what held-out cells, as they are and under made-up batch effects, say of a network."""
    space, groups, beside = known
    shifted = Cells(made_up_effects(cells, seed), cells.codes, cells.depth, cells.n_types)
    both = cells, shifted
    logits, readings = zip(*(_asked(network, space, clouds, seen) for seen in both), strict=True)
    scale = novelty_scale(*readings)
    scores = [scale.scores(each) for each in readings]
    middle = float(np.median(scores[0]))
    doubts = [1 - _softmax(each).max(1) for each in logits]  # of the network alone
    if beside is not None:
        logits = tuple(
            beside.heard_beside(said, seen.expression @ beside.directions.T, score, middle)
            for said, seen, score in zip(logits, both, scores, strict=True)
        )
    probabilities = [_softmax(each) for each in logits]
    calibration = fit_calibration(
        np.concatenate([p.max(1) for p in probabilities]),
        np.concatenate([p.argmax(1) == cells.codes for p in probabilities]),
        np.concatenate(scores),
        middle=middle,
        weights=np.repeat([AS_THEY_ARE, 1.0], len(cells)),
        n_cells=len(cells),
        likely=likely,
    )
    calibrated = calibration.probabilities(probabilities[0], scores[0])
    usual = Condition(
        weight_share=1.0,
        genes_detected=float(np.median(positive_in_row(cells.expression))),
        confidence=float(calibrated.max(1).mean()),
        shift=scale.usual.usual_shift,
        unknown=FALSE_ALARM,
    )
    sets = held_out_scores(calibrated, cells.codes)
    lone = lone_scale(*readings)
    alone = [lone.scores(each) for each in readings]
    if by_halves is None:
        grouped = _grouped(groups, [seen.expression for seen in both], alone, doubts)
    else:
        grouped = by_halves.scale(lone, cells.codes, readings)
    return NetworkTrust(clouds, scale, calibration, sets, usual, grouped, lone=lone)


def _grouped(
    space: GroupSpace,
    both: list[csr_matrix],
    scores: list[NDArray[np.float64]],
    doubts: list[NDArray[np.float32]],
) -> GroupScale | None:
    """Return what held-out cells, as they are and shifted, look like among their like."""
    if both[0].shape[0] < FEWEST_CELLS:
        return None
    readings = []
    for expression, doubt in zip(both, doubts, strict=True):
        among = space.of_query(expression)
        groups = among.groups(among.points(expression))
        readings.append(among.readings(groups, doubt))
    return group_scale(scores[0], readings[0], (scores[1], readings[1]))


def _asked(
    network: Student | Teacher, space: TypeSpace, clouds: TypeClouds, cells: Cells
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return logits and readings of cells, ``(n_cells, n_types)`` and ``(n_cells, 4)``."""
    logits, embedding = (found.numpy() for found in predict(network, cells))
    heard = np.asarray(cells.expression @ space.directions.T, dtype=np.float32)
    says = space.readings(heard, centred_length(cells.expression), logits.argmax(1))
    return logits, readings_of(says, logits, clouds.distance(embedding))


def _some_of_each_type(cells: Cells, most: int, seed: int) -> Cells:
    order = np.random.default_rng(seed).permutation(len(cells))
    kept = [order[cells.codes[order] == code][:most] for code in range(cells.n_types)]
    return cells.subset(np.sort(np.concatenate(kept)))


def made_up_effects(cells: Cells, seed: int) -> csr_matrix:
    """Return the expression of cells under made-up batch effects, ``(n_cells, n_genes)``."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, len(cells), CELLS_AT_A_TIME):
        index = np.arange(start, min(start + CELLS_AT_A_TIME, len(cells)))
        seen = altered(
            cells, index, thin_to=None, shift=SHIFT_GENES, drop=DROP_GENES, generator=generator
        )
        parts.append(csr_matrix(seen.numpy()))
    return csr_matrix(vstack(parts, format="csr"))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True), dtype=np.float32)
