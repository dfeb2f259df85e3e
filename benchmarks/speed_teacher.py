"""Training speed of the Teacher against its literal arrangement; prints JSON for ``speed.py``.

Both train on the same real cells with the same Reactome mask in 2,000 genes; the 13 types are
made up, since they do not change the time. Runs are interleaved: a few mini-batches of the one,
then of the other, and so on; the medians are compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from literal_teacher import LiteralTeacher, copied_from, literal_loss
from scipy.sparse import csr_matrix
from tasks import add_data_argument, data_folder, gene_set_file, load_task, read_tasks

from plkd.config import TeacherConfig, TrainConfig
from plkd.data.expression import recognise, to_log1p
from plkd.data.gene_sets import PatternMask, pattern_mask, read_gene_sets
from plkd.networks.navigator import Navigator
from plkd.networks.teacher import Teacher
from plkd.training.cells import Cells
from plkd.training.losses import divergence_clustering_loss
from plkd.training.optimisers import make_optimizer
from plkd.training.progress import Silent
from plkd.training.teach import train_teacher

TASK = "pbmc:to_kang_stim"
N_GENES, N_TYPES, SEED = 2000, 13, 0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="our mini-batches in a round")
    parser.add_argument("--reference-steps", type=int, default=3)
    parser.add_argument("--reference-batch", type=int, default=8)
    options = parser.parse_args()
    cells, mask, own_mask = real_cells(data_folder(options.data))
    as_reference = replace(
        TrainConfig(), teacher_shift_genes=0.0, teacher_drop_genes=0.0, pattern_keep=1.0
    )
    teachers = {
        "plkd": new_teacher(own_mask),
        "plkd, one free pattern": new_teacher(mask),
        "plkd, all patterns": new_teacher(mask),
    }
    literal = copied_from(new_teacher(mask), torch.from_numpy(mask.dense()))
    result: dict[str, Any] = {
        "n_genes": cells.expression.shape[1],
        "n_patterns": mask.n_patterns,
        "mask_density": float(mask.dense()[:, : mask.n_patterns - mask.n_free].mean()),
        "n_free": own_mask.n_free,
        "n_types": N_TYPES,
        "batch_size": TrainConfig().batch_size,
        "pattern_keep": TrainConfig().pattern_keep,
        "reference_batch": options.reference_batch,
        "threads": torch.get_num_threads(),
        "difference": difference(literal, teachers["plkd, all patterns"], cells, mask),
    }
    large = TrainConfig().batch_size
    runs: dict[str, Callable[[], float]] = {
        "reference": lambda: literal_rate(
            literal, cells, batch=options.reference_batch, steps=options.reference_steps
        ),
        "reference, large batch": lambda: literal_rate(literal, cells, batch=large, steps=1),
        "plkd": lambda: our_rate(teachers["plkd"], cells, TrainConfig(), steps=options.steps),
        "plkd, one free pattern": lambda: our_rate(
            teachers["plkd, one free pattern"], cells, TrainConfig(), steps=options.steps
        ),
        "plkd, all patterns": lambda: our_rate(
            teachers["plkd, all patterns"], cells, as_reference, steps=options.steps
        ),
    }
    result["rates"] = interleaved(runs, options.rounds)
    result["gemm_gflops"] = gemm_rate() / 1e9
    result["parts"] = parts_of_step(new_teacher(own_mask), cells, TrainConfig())
    json.dump(result, sys.stdout)
    return 0


def real_cells(folder: Path) -> tuple[Cells, PatternMask, PatternMask]:
    """Return reference cells of a task in 2,000 genes and two Reactome masks on these genes.

    The first mask has one free pattern, as the reference needs; the second plkd's own share.

    The genes are those that stand in most Reactome sets, so that 300 patterns are found: a denser
    mask, and more work for plkd, than the most variable genes would give.
    """
    task = read_tasks(folder, [TASK])[0]
    reference = load_task(folder, task).reference
    counts = csr_matrix(reference.X)
    log1p = to_log1p(counts, recognise(counts))
    names = [str(name) for name in reference.var_names]
    config = TeacherConfig()
    sets = read_gene_sets(gene_set_file(folder, names))
    fitting = [genes for genes in sets.genes if len(genes) <= config.max_genes]
    memberships = Counter(gene for genes in fitting for gene in set(genes))
    ordered = sorted(range(len(names)), key=lambda g: -memberships[names[g]])
    chosen = np.sort(ordered[:N_GENES])
    codes = np.random.default_rng(SEED).integers(0, N_TYPES, reference.n_obs)
    depth = np.asarray(counts.sum(1), dtype=np.float32).ravel()
    masks = [
        pattern_mask(
            [names[gene] for gene in chosen], sets, n_patterns=config.n_patterns, n_free=free
        )
        for free in (1, config.n_free)
    ]
    return Cells(csr_matrix(log1p[:, chosen]), codes, depth, N_TYPES), masks[0], masks[1]


def new_teacher(mask: PatternMask) -> Teacher:
    """Return an untrained Teacher at the default sizes."""
    torch.manual_seed(SEED)
    config = TeacherConfig()
    navigator = Navigator(
        mask.n_genes,
        config.width,
        pattern_index=torch.from_numpy(np.asarray(mask.pattern_index)),
        gene_index=torch.from_numpy(np.asarray(mask.gene_index)),
        n_masked=mask.n_patterns - mask.n_free,
        n_free=mask.n_free,
    )
    return Teacher(
        navigator, N_TYPES, depth=config.depth, heads=config.heads, mlp_ratio=config.mlp_ratio
    )


def difference(
    literal: LiteralTeacher, teacher: Teacher, cells: Cells, mask: PatternMask
) -> dict[str, float]:
    """Return how far the two arrangements are apart on 16 cells: logits, loss and gradients.

    Raises
    ------
    RuntimeError
        They are not the same function, and comparing their speed would mean nothing.
    """
    index = np.arange(16)
    expression, codes = cells.dense(index), cells.labels(index)
    logits, embedding = literal(expression)
    loss = literal_loss(logits, embedding, codes)
    output = teacher(expression)
    ours = torch.nn.functional.cross_entropy(output.logits, codes) + divergence_clustering_loss(
        output.embedding, output.logits.softmax(1)
    )
    dense = torch.autograd.grad(loss, literal.tokens.weight)[0]
    dense = dense.view(mask.n_patterns, -1, mask.n_genes).permute(2, 0, 1)
    packed = torch.autograd.grad(ours, teacher.navigator.weight)[0]
    pairs = dense[teacher.navigator.gene_index, teacher.navigator.pattern_index]
    found = {
        "logits": (logits - output.logits).abs().max().item(),
        "loss": (loss - ours).abs().item(),
        "gradient": ((pairs - packed).abs().max() / pairs.abs().max()).item(),
    }
    if max(found.values()) > 1e-3:
        raise RuntimeError(f"the literal reference is another function than the Teacher: {found}")
    return found


def literal_rate(literal: LiteralTeacher, cells: Cells, *, batch: int, steps: int) -> float:
    """Return the cells per second of the literal arrangement, SGD as the authors used it."""
    optimizer = torch.optim.SGD(literal.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-5)
    order = np.random.default_rng(SEED).permutation(len(cells))[: batch * steps]
    start = time.perf_counter()
    for index in np.array_split(order, steps):
        optimizer.zero_grad()
        logits, embedding = literal(cells.dense(index))
        literal_loss(logits, embedding, cells.labels(index)).backward()
        optimizer.step()
    return len(order) / (time.perf_counter() - start)


def our_rate(teacher: Teacher, cells: Cells, config: TrainConfig, *, steps: int) -> float:
    """Return the cells per second of ``train_teacher`` itself over ``steps`` mini-batches."""
    few = cells.subset(np.arange(min(len(cells), steps * config.batch_size)))
    fabric = Fabric(accelerator="cpu", devices=1)
    start = time.perf_counter()
    train_teacher(
        teacher, few, config=config, fabric=fabric, seed=SEED, epochs=1, progress=Silent()
    )
    return len(few) / (time.perf_counter() - start)


def interleaved(runs: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Return the result of every run in every round, after one round that does not count."""
    for run in runs.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
        last = ", ".join(f"{name} {rates[-1]:.1f}" for name, rates in found.items())
        sys.stderr.write(f"teacher, round {number + 1}/{rounds}, cells/s: {last}\n")
    return found


def gemm_rate() -> float:
    """Return the machine's float32 multiply-add rate, in operations per second."""
    left, right = torch.rand(512, 2000), torch.rand(2000, 14400)
    seconds = median_seconds(lambda: torch.mm(left, right), times=5)
    return 2 * 512 * 2000 * 14400 / seconds


def parts_of_step(teacher: Teacher, cells: Cells, config: TrainConfig) -> dict[str, Any]:
    """Return seconds and arithmetic of each part of one step, forward and backward, alone.

    Arithmetic counts the matrix products only: for each product of the forward pass one for the
    weights' gradient and, except at the input, one for the values' gradient.
    """
    generator = torch.Generator().manual_seed(SEED)
    index = np.arange(config.batch_size)
    expression = cells.dense(index)
    codes = cells.labels(index)
    n_kept = max(1, round(config.pattern_keep * teacher.navigator.n_patterns))
    kept = torch.randperm(teacher.navigator.n_patterns, generator=generator)[:n_kept].sort().values
    width, count, n_cells = teacher.navigator.width, n_kept + 1, len(index)
    tokens = torch.randn(n_cells, count, width, requires_grad=True)
    embedding = torch.randn(n_cells, width, requires_grad=True)
    block, last = teacher.transformer.blocks[0], teacher.transformer.blocks[-1]
    optimizer, _ = make_optimizer(teacher, 100, config=config, lr=config.teacher_lr)

    def losses() -> torch.Tensor:
        logits = teacher.classify(embedding)
        entropy = torch.nn.functional.cross_entropy(logits, codes)
        return entropy + divergence_clustering_loss(
            embedding, logits.softmax(1), bandwidth=config.bandwidth
        )

    def optimise() -> None:
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(teacher.parameters(), config.clip)
        optimizer.step()

    runs: dict[str, Callable[[], object]] = {
        "cells (dense)": lambda: cells.dense(index),
        "navigator": back(lambda: teacher.navigator(expression, kept)),
        "attention": back(lambda: block.attention(block.norm_attention(tokens))),
        "MLP": back(lambda: block.mlp(block.norm_mlp(tokens))),
        "last block (cls row)": back(lambda: last.first_row(tokens)[0]),
        "classifier, L2 and L1": back(losses),
        "clipping and optimiser": optimise,
    }
    navigator = teacher.navigator
    kept_pairs = int(torch.isin(navigator.pattern_index, kept).sum())
    pairs = kept_pairs + navigator.n_genes * int((kept >= navigator.n_masked).sum())
    flops = {
        "navigator": 2 * 2 * n_cells * pairs * width,
        "attention": 3 * n_cells * (2 * 4 * count * width**2 + 2 * 2 * count**2 * width),
        "MLP": 3 * n_cells * 2 * 2 * count * width * 4 * width,
    }
    seconds = {name: median_seconds(run, times=7) for name, run in runs.items()}
    return {"seconds": seconds, "flops": flops, "n_cells": n_cells}


def back(forward: Callable[[], torch.Tensor]) -> Callable[[], None]:
    """Return a run of ``forward`` and of the backward pass from a gradient of ones."""

    def run() -> None:
        value = forward()
        value.backward(torch.ones_like(value))

    return run


def median_seconds(run: Callable[[], object], *, times: int) -> float:
    """Return the median seconds of a run after two that do not count."""
    spans = []
    for number in range(times + 2):
        start = time.perf_counter()
        run()
        if number >= 2:
            spans.append(time.perf_counter() - start)
    return statistics.median(spans)


if __name__ == "__main__":
    raise SystemExit(main())
