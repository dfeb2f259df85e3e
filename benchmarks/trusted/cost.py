"""What trust costs: annotating simulated cells by a model that has it, and by the same without.

Both take turns, in one process, in memory (``plkd.tl.annotate``) and from file to file; the first
round warms up and is not counted. How well the model is trained makes no difference to its speed,
so it is trained shortly.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from study.rows import Row
from study.runs import say
from trusted.answers import without_trust

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from plkd import CellAnnotator

FILE = "trust_cost.csv"
N_CELLS, N_GENES, N_TYPES, ROUNDS = 50_000, 2000, 12, 21
MEMORY, DISK = "in memory", "file to file"
ON, OFF = "on", "off"
FEWEST_COUNTS, SEED, CHUNK = 1500, 0, 5000


def cost_rows(*, n_cells: int = N_CELLS, rounds: int = ROUNDS, n_genes: int = N_GENES) -> list[Row]:
    """Return the seconds of every round.

    Parameters
    ----------
    n_cells, n_genes
        Of the simulated query.
    rounds
        Counted rounds, in each of which both models annotate in both ways.
    """
    model = short_model(simulated(3000, n_genes=n_genes, seed=SEED))
    models = {ON: model, OFF: without_trust(model)}
    query = simulated(n_cells, n_genes=n_genes, seed=SEED + 1)
    rows = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "query.h5ad"
        query.write_h5ad(path)
        for number in range(rounds + 1):
            order = (ON, OFF) if number % 2 else (OFF, ON)
            for way, trust in [(way, trust) for way in (MEMORY, DISK) for trust in order]:
                seconds = timed(annotation(way, models[trust], query, path))
                if number:
                    rows.append(
                        {"way": way, "trust": trust, "round": number, "n_cells": n_cells,
                         "n_genes": n_genes, "seconds": round(seconds, 4)}
                    )  # fmt: skip
            say(f"cost, round {number} of {rounds}")
    return rows


def simulated(n_cells: int, *, n_genes: int = N_GENES, seed: int) -> AnnData:
    """Return Poisson counts of 12 types and three batches, each type with markers of its own."""
    import anndata
    import pandas as pd

    truth, rng = np.random.default_rng(7), np.random.default_rng(seed)
    rates = np.tile(truth.gamma(0.3, size=n_genes) + 1e-3, (N_TYPES, 1))
    for one in range(N_TYPES):
        rates[one, truth.choice(n_genes, max(1, n_genes // 40), replace=False)] *= 8
    rates /= rates.sum(1, keepdims=True)
    codes, depth = rng.integers(0, N_TYPES, n_cells), FEWEST_COUNTS * rng.uniform(1, 3, n_cells)
    parts = [
        sp.csr_matrix(rng.poisson(rates[codes[rows]] * depth[rows, None]).astype(np.float32))
        for rows in np.array_split(np.arange(n_cells), -(-n_cells // CHUNK))
    ]
    obs = pd.DataFrame(
        {
            "cell_type": [f"type {code}" for code in codes],
            "batch": [f"batch {number % 3}" for number in range(n_cells)],
        },
        index=[f"cell {number}" for number in range(n_cells)],
    )
    names = [f"GENE{number}" for number in range(n_genes)]
    counts = sp.vstack(parts, format="csr")
    return anndata.AnnData(counts, obs=obs, var=pd.DataFrame(index=names))


def short_model(reference: AnnData) -> CellAnnotator:
    """Return a model with the Student's usual shape, trained shortly, its trust learned."""
    import plkd
    from plkd.config import TeacherConfig, TrainConfig

    short = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=0)
    model = plkd.CellAnnotator(teacher=TeacherConfig(n_patterns=8), training=short, seed=SEED)
    return model.fit(reference, labels_key="cell_type", batch_key="batch")


def annotation(way: str, model: CellAnnotator, query: AnnData, path: Path) -> Callable[[], object]:
    """Return what annotates once; what it needs beforehand is made here."""
    import anndata

    import plkd
    from plkd.tools.annotate import annotate_file

    if way == DISK:
        return lambda: annotate_file(path, model, path.with_name("out.h5ad"), overwrite=True)
    cells = anndata.AnnData(query.X, obs=query.obs[[]], var=query.var)
    return lambda: plkd.tl.annotate(cells, model)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(table: pd.DataFrame) -> pd.DataFrame:
    """Return median seconds with trust on and off, one line a way, and the median of their ratios.

    Each round has a ratio of its own, of seconds measured beside each other: what slows the machine
    down for a while slows both.
    """
    rounds = table.pivot(index=["way", "round"], columns="trust", values="seconds")
    ratio = (rounds[ON] / rounds[OFF]).groupby("way").median()
    return rounds.groupby("way").median().assign(ratio=ratio)
