"""The first genes of each type by every method: what stability (b) and truth (c) are read from.

====================  =============================================================================
shap, consensus       :mod:`faithful.readings`, a list for each seed of the model
wilcoxon              scanpy's test on the reference
wilcoxon, resampled   the same on the reference's cells drawn anew (with replacement, as many of
                      each type), five times: how stable a test without any training is
logistic              coefficients of a multinomial logistic regression on log1p values
celltypist            coefficients of CellTypist trained at its defaults
====================  =============================================================================

All choose among the model's genes; lists are of the reference's cells alone. CellTypist may live in
an environment of its own (``--peers-python``); its lists are kept, and stay where it is not there.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faithful.offered import Offered, Orders, logistic, wilcoxon
from faithful.rows import Kept, gene_rows
from study.rows import Row
from study.runs import say

if TYPE_CHECKING:
    from faithful.readings import Reading

N_SHAP, N_TOP = 30, 10
"""Genes of a list: more of SHAP's, so that a gene that leaves the first ten can be followed."""

SHAP, CONSENSUS = "shap", "consensus"
RESAMPLED, N_RESAMPLED = "wilcoxon, resampled", 5
PLAIN = {"wilcoxon": wilcoxon, "logistic": logistic}
CELLTYPIST = "celltypist"

Tops = Mapping[str, Sequence[str]]


def model_lists(reading: Reading, *, task: str, seed: int) -> list[Row]:
    """Return the lists of one fitted model."""
    digest = reading.cells.digest
    tops = {CONSENSUS: reading.markers.top_genes(N_TOP, consensus=False)}
    tops[SHAP] = reading.attributions.top_genes(N_SHAP, markers=True)
    return [
        one
        for method, named in tops.items()
        for one in gene_rows(task, method, seed, tops=named, offered=digest)
    ]


def resampled_lists(cells: Offered, *, task: str) -> list[Row]:
    """Return the lists of Wilcoxon's test on cells drawn anew."""
    rows: list[Row] = []
    for number in range(N_RESAMPLED):
        tops = named(wilcoxon(cells.resampled(number)), cells)
        rows += gene_rows(task, RESAMPLED, number, tops=tops, offered=cells.digest)
    return rows


def plain_lists(cells: Offered, *, task: str) -> list[Row]:
    """Return the lists of the methods without randomness that need no package of their own."""
    found = {method: named(ranked(cells), cells) for method, ranked in PLAIN.items()}
    return [
        one
        for method, tops in found.items()
        for one in gene_rows(task, method, 0, tops=tops, offered=cells.digest)
    ]


def named(orders: Orders, cells: Offered) -> Tops:
    """Return the names of the first genes of each type."""
    return {
        name: tuple(cells.genes[gene] for gene in order[:N_TOP]) for name, order in orders.items()
    }


def celltypist_lists(cells: Offered, *, task: str, python: str) -> list[Row]:
    """Return the lists of CellTypist, run by the Python that has it; none where it fails."""
    import anndata
    import pandas as pd
    import scipy.sparse as sp

    script = Path(__file__).with_name("celltypist_genes.py")
    types = pd.Categorical.from_codes(cells.codes, categories=list(cells.types))
    reference = anndata.AnnData(
        sp.csr_matrix(cells.values),
        obs=pd.DataFrame({"cell_type": types}, index=[f"c{n}" for n in range(len(cells.codes))]),
        var=pd.DataFrame(index=list(cells.genes)),
    )
    with tempfile.TemporaryDirectory() as scratch:
        source, found = Path(scratch) / "reference.h5ad", Path(scratch) / "genes.csv"
        reference.write_h5ad(source)
        command = [python, str(script), str(source), str(found), "--n", str(N_TOP)]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode:
            reason = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
            say(f"  celltypist is skipped: {reason}")
            return []
        table = pd.read_csv(found, keep_default_na=False)
    tops = {name: tuple(genes) for name, genes in table.groupby("cell_type", sort=False)["gene"]}
    return gene_rows(task, CELLTYPIST, 0, tops=tops, offered=cells.digest)


def is_of(kept: Kept, run: tuple[str, str, int], cells: Offered) -> bool:
    """Say whether the kept lists of a run chose among these genes."""
    rows = kept.of(run)
    return bool(rows) and all(one["offered"] == cells.digest for one in rows)
