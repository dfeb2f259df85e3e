"""Make one tiny saved model, and what it answers, for plkd to load for ever.

Since version 9 it is adapted to a query: such a model has all that a model can have.

Run once for each new version of the model format, from the root of the repository::

    PYTHONPATH=tests python tests/model_files/make.py v1

It writes the model to ``tests/model_files/v1/`` and its answers to ``v1.json`` beside it. What is
there is never written over: old models stay as the plkd of their time wrote them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

import plkd
from plkd.config import StudentConfig, TeacherConfig, TrainConfig
from plkd.model.annotator import CellAnnotator
from toy import toy_gene_sets, toy_query, toy_reference

HERE = Path(__file__).parent
SIZE = {"n_genes": 60, "n_types": 3}
N_REFERENCE, N_QUERY = 900, 210
"""Enough cells for groups of like ones; versions 1 to 3 had 300 and 12."""


def train() -> CellAnnotator:
    """Learn three types from sixty genes, of which the model knows the Ensembl ids too."""
    reference = toy_reference(N_REFERENCE, **SIZE)
    reference.var["gene_ids"] = [f"ENSG{i:011d}" for i in range(1, reference.n_vars + 1)]
    model = CellAnnotator(
        toy_gene_sets(**SIZE),
        teacher=TeacherConfig(n_patterns=8, free_share=0.25, width=8, heads=2),
        student=StudentConfig(hidden=(8, 6)),
        training=TrainConfig(teacher_epochs=20, student_epochs=20, min_steps=300),
        device="cpu",
    )
    return model.fit(reference, labels_key="cell_type", batch_key="batch")


def answers(model: CellAnnotator) -> dict[str, object]:
    """Return some cells and the probabilities that the model gives them."""
    query = toy_query(N_QUERY, **SIZE)
    expected, novelty, sets = {}, {}, {}
    for network in ("student", "teacher"):
        plkd.tl.annotate(query, model, with_=network, probabilities=True)
        expected[network] = np.round(query.obsm["plkd_proba"].astype(float), 7).tolist()
        novelty[network] = np.round(query.obs["plkd_novelty"].astype(float), 7).tolist()
        sets[network] = list(query.obs["plkd_set"].astype(str))
    return {
        "plkd_version": plkd.__version__,
        "fingerprint": model.fingerprint(),
        "classes": list(model.classes_),
        "genes": list(query.var_names),
        "counts": query.X.toarray().astype(int).tolist(),
        "probabilities": expected,
        "novelty": novelty,
        "sets": sets,
    }


def main() -> None:
    """Train, save and write the answers under the name that was given."""
    (name,) = sys.argv[1:]
    torch.set_num_threads(1)
    model = train().adapt(toy_query(N_QUERY, seed=5, **SIZE))
    model.save(HERE / name)
    with (HERE / f"{name}.json").open("x", encoding="utf-8") as file:
        json.dump(answers(model), file)
        file.write("\n")


if __name__ == "__main__":
    main()
