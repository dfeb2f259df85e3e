"""Train the Teacher on the reference: L_teacher = L2 + lambda_1 L1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from plkd.config import TrainConfig
from plkd.data.marker_scale import marker_scale
from plkd.metrics.classification import macro_f1
from plkd.networks.navigator import Navigator
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher
from plkd.training.augment import drop_genes, shift_genes, thin_counts
from plkd.training.cells import Batches, Cells
from plkd.training.loop import Course, train_epochs
from plkd.training.losses import cross_entropy, divergence_clustering_loss
from plkd.training.optimisers import make_optimizer
from plkd.training.progress import Progress

PREDICTION_BATCH = 256


def train_teacher(
    teacher: Teacher,
    cells: Cells,
    *,
    config: TrainConfig,
    fabric: Fabric,
    seed: int,
    weights: NDArray[np.float64] | None = None,
    held_out: Cells | None = None,
    epochs: int | None = None,
    stage: str = "teacher",
    progress: Progress,
) -> Course:
    """Train ``teacher`` in place and return how it went.

    Parameters
    ----------
    teacher
        The network; afterwards it holds the chosen weights and is in evaluation mode.
    cells
        The cells to learn from.
    weights
        Sampling weights of the cells; ``None`` visits each once an epoch.
    held_out
        Cells on which macro F1 is measured after each epoch; the best epoch is kept.
    epochs
        Epochs, where they were chosen already; otherwise from ``config``.

    Raises
    ------
    NonFiniteLossError
        The loss became NaN or infinite.

    Notes
    -----
    L_teacher = L2 + lambda_1 L1 (section 2.3 of the paper), cells without a label in L1 only.
    Deviations: the cells are altered anew in each step, and markers are heard louder, as
    ``config`` says; with nothing to alter and all genes alike it is the paper's.
    """
    batches = Batches(
        len(cells),
        config.batch_size,
        seed,
        weights=weights,
        max_per_epoch=config.max_cells_per_epoch,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    generator = torch.Generator().manual_seed(seed + fabric.global_rank)
    with torch.no_grad():
        teacher.navigator.center.copy_(cells.mean())
    planned = epochs or teacher_epochs(len(batches), config)
    with markers_louder(teacher.navigator, cells, config):
        return train_epochs(
            fabric,
            teacher,
            partial(
                teacher_loss,
                cells=cells,
                n_patterns=teacher.n_patterns,
                config=config,
                generator=generator,
                fabric=fabric,
            ),
            batches=batches,
            make_optimizer=partial(make_optimizer, config=config, lr=config.teacher_lr),
            epochs=planned,
            clip=config.clip,
            stage=stage,
            progress=progress,
            held_out_score=None if held_out is None else held_out_scorer(teacher, held_out),
            patience=config.patience,
            patience_from=round(config.warmup * planned * len(batches)),
        )


@contextmanager
def markers_louder(
    network: Navigator | Student, cells: Cells, config: TrainConfig
) -> Iterator[None]:
    """Let a network hear genes by how far they tell the types of ``cells`` apart, as it learns.

    Afterwards, however training ended, its weights have absorbed the scale.
    """
    if config.marker_power:
        known = cells.expression, cells.codes, cells.n_types
        scale = marker_scale(*known, power=config.marker_power, floor=config.marker_floor)
        network.gene_scale = torch.from_numpy(scale)
    try:
        yield
    finally:
        network.absorb_gene_scale()


def teacher_loss(
    model: nn.Module,
    index: NDArray[np.int64],
    *,
    cells: Cells,
    n_patterns: int,
    config: TrainConfig,
    generator: torch.Generator,
    fabric: Fabric,
) -> Float[Tensor, ""]:
    """Return the Teacher's loss on one mini-batch of cells."""
    seen = altered(
        cells,
        index,
        thin_to=config.thin_to,
        shift=config.teacher_shift_genes,
        drop=config.teacher_drop_genes,
        generator=generator,
    )
    expression = fabric.to_device(seen)
    codes = fabric.to_device(cells.labels(index))
    kept = kept_patterns(n_patterns, config.pattern_keep, generator)
    output = model(expression, None if kept is None else fabric.to_device(kept))
    loss = cross_entropy(output.logits, codes, smoothing=config.label_smoothing)
    if config.clustering_weight:
        assignment = output.logits.softmax(1)
        loss = loss + config.clustering_weight * divergence_clustering_loss(
            output.embedding, assignment, bandwidth=config.bandwidth
        )
    return loss


def kept_patterns(
    n_patterns: int, share: float, generator: torch.Generator
) -> Int[Tensor, " kept"] | None:
    """Return the patterns that one step attends to, in order; ``None`` for all of them."""
    if share >= 1:
        return None
    n_kept = max(1, round(share * n_patterns))
    return torch.randperm(n_patterns, generator=generator)[:n_kept].sort().values


def altered(
    cells: Cells,
    index: NDArray[np.int64],
    *,
    thin_to: float | None,
    shift: float,
    drop: float,
    generator: torch.Generator,
) -> Float[Tensor, "cell gene"]:
    """Return the cells at ``index``, thinned, then shifted, then with genes lost.

    Parameters
    ----------
    thin_to
        Smallest share of its counts that a cell keeps; ``None`` leaves them.
    shift
        Largest standard deviation of the steps by which genes are moved, in units of the cells'
        spread; 0 leaves them.
    drop
        Largest share of its genes that a cell loses.
    """
    expression = cells.dense(index)
    if thin_to is not None:
        depth = torch.from_numpy(cells.depth[index])
        expression = thin_counts(expression, depth, lowest=thin_to, generator=generator)
    if shift:
        expression = shift_genes(
            expression, spread=cells.spread, highest=shift, generator=generator
        )
    if drop:
        expression = drop_genes(expression, highest=drop, generator=generator)
    return expression


def teacher_epochs(batches_per_epoch: int, config: TrainConfig) -> int:
    """Return the epochs that give at least ``config.min_steps`` mini-batches."""
    return max(config.teacher_epochs, -(-config.min_steps // batches_per_epoch))


@torch.inference_mode()
def predict(
    model: nn.Module, cells: Cells
) -> tuple[Float[Tensor, "cell type"], Float[Tensor, "cell width"]]:
    """Return logits and embeddings of all cells, on the CPU."""
    device = next(model.parameters()).device
    logits, embeddings = [], []
    for start in range(0, len(cells), PREDICTION_BATCH):
        output = model(cells.dense(slice(start, start + PREDICTION_BATCH)).to(device))
        logits.append(output.logits.cpu())
        embeddings.append(output.embedding.cpu())
    return torch.cat(logits), torch.cat(embeddings)


def predict_logits(model: nn.Module, cells: Cells) -> Float[Tensor, "cell type"]:
    """Return the logits of all cells, on the CPU."""
    return predict(model, cells)[0]


def held_out_scorer(model: nn.Module, held_out: Cells) -> Callable[[], float]:
    """Return a function that gives the present macro F1 on the labelled held-out cells."""
    labelled = held_out.subset(np.flatnonzero(held_out.codes >= 0))

    def score() -> float:
        predicted = predict_logits(model, labelled).argmax(1).numpy()
        return float(macro_f1(labelled.codes, predicted))

    return score
