"""One small model for all tests of annotation."""

from __future__ import annotations

import pytest
from anndata import AnnData

from plkd.config import TeacherConfig, TrainConfig
from plkd.model.annotator import CellAnnotator
from toy import toy_gene_sets, toy_query, toy_reference

GENES = {"n_genes": 120}


def ensembl_ids(n_genes: int) -> list[str]:
    return [f"ENSG{number:011d}" for number in range(1, n_genes + 1)]


@pytest.fixture(scope="session")
def annotator() -> CellAnnotator:
    """A model of 4 types and 120 genes that knows the genes' Ensembl ids, default widths."""
    reference = toy_reference(400, **GENES)
    reference.var["gene_ids"] = ensembl_ids(reference.n_vars)
    model = CellAnnotator(
        toy_gene_sets(**GENES),
        teacher=TeacherConfig(n_patterns=12),
        training=TrainConfig(teacher_epochs=4, student_epochs=4, min_steps=60, hold_out=0.0),
        device="cpu",
    )
    return model.fit(reference, labels_key="cell_type", batch_key="batch")


@pytest.fixture
def query() -> AnnData:
    """Sixty-five cells of a new batch: chunks of 64 leave one cell over."""
    return toy_query(65, **GENES)
