"""Ablation, Table 5 of the paper: without two losses, without the mask, with wrong labels.

==================  =============================================================================
standard            plkd's defaults with the organism's Reactome sets
without L1 and L4   no divergence-based clustering of the Teacher, no self-entropy of the Student
without mask        no gene sets: all patterns are learned
noise 0.1, 0.15,    this share of the reference's labels is wrong (:func:`with_wrong_labels`);
0.2                 the query's truth is untouched
==================  =============================================================================

The peers take part in "standard" and in the noise. By default four tasks are run; with ``--tasks``
and ``--settings "noise 0.2"`` others are, whose clean rows are those of ``transfer.csv``.

Measured are accuracy, macro F1 over the types present in the query, and, for plkd, the adjusted
Rand index (ARI) of clusters: k-means on the embedding of the query that ``plkd.tl.annotate`` writes
(Teacher 48 wide, Student 128), with as many clusters as the query has types, ``n_init=10`` and a
fixed seed, against the true types.

plkd chooses its epochs on held-out cells of the reference, whose labels are as wrong as the rest.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from predictions import LABELS
from study.ablation_claims import LOSSES, MASK, NOISES, STANDARD
from study.ablation_figure import figure
from study.ablation_page import page
from study.methods import Found, Sides
from study.names import NETWORKS, PEERS
from study.rows import Row
from study.runs import Setting, Study

TASKS = ("kang8:donors", "3tech:to_5p", "pbmc:to_pbmc3k", "cortex:rna")
CLUSTER_SEED = 0


def with_wrong_labels(types: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return labels of which exactly ``round(share * n_cells)`` name another type.

    Parameters
    ----------
    types
        Type of each cell, ``(n_cells,)``; left as it is.
    share
        Share of the cells whose label is replaced, in [0, 1].
    seed
        Decides which cells, each alike likely, and which of the other types they are given, each
        alike likely. The cells of a smaller share are among those of a larger one.

    Returns
    -------
    New labels, ``(n_cells,)``.
    """
    names, codes = np.unique(types, return_inverse=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(codes))
    others = (codes + rng.integers(1, len(names), size=len(codes))) % len(names)
    wrong = order[: round(share * len(codes))]
    found = codes.copy()
    found[wrong] = others[wrong]
    return names[found]


def noisy(sides: Sides, seed: int, *, share: float) -> Sides:
    """Return the same cells, with wrong labels in a copy of the reference."""
    reference = sides.reference.copy()
    types = reference.obs[LABELS].to_numpy().astype(str)
    reference.obs[LABELS] = with_wrong_labels(types, share, seed).astype(object)
    reference.obs[LABELS] = reference.obs[LABELS].astype("category")
    return Sides(reference, sides.query)


def cluster_agreement(embedding: np.ndarray, truth: np.ndarray) -> float:
    """Return the ARI of k-means clusters with the types, k the number of types present."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    means = KMeans(len(np.unique(truth)), n_init=10, random_state=CLUSTER_SEED)
    return float(adjusted_rand_score(truth, means.fit_predict(embedding)))


def measure(setting: Setting, sides: Sides, found: Found) -> list[Row]:
    """Return accuracy, macro F1 and ARI (none without an embedding) as one row."""
    from sklearn.metrics import accuracy_score, f1_score

    del setting
    truth = sides.truth
    f1 = f1_score(truth, found.labels, labels=np.unique(truth), average="macro", zero_division=0)
    ari = np.nan if found.embedding is None else cluster_agreement(found.embedding, truth)
    return [
        {
            "accuracy": round(float(accuracy_score(truth, found.labels)), 5),
            "macro_f1": round(float(f1), 5),
            "ari": round(ari, 5),
        }
    ]


STUDY = Study(
    name="ablation",
    tasks=TASKS,
    settings=(
        Setting(STANDARD, (*NETWORKS, *PEERS)),
        Setting(LOSSES, NETWORKS, training={"clustering_weight": 0.0, "self_entropy_weight": 0.0}),
        Setting(MASK, NETWORKS, mask=False),
        *(
            Setting(name, (*NETWORKS, *PEERS), changed=partial(noisy, share=share))
            for name, share in NOISES.items()
        ),
    ),
    measure=measure,
    page=page,
    figure=figure,
)
