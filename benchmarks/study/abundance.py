"""Abundance, Table 6 of the paper: how types that are rare in the reference fare in the query.

plkd at its defaults, logistic regression and CellTypist on the tasks below; a row of the CSV is a
cell type. A type's group is by its cells in the reference: high (more than 1,000), medium (200 to
1,000), low (fewer than 200). These are the paper's thresholds, 5,000 and 1,000, divided by five:
it names a type of 11,511 cells, and the most abundant one here has 2,300. Types that the query
lacks are in no group, since nothing can be measured on them.

Precision, recall and F1 of a type count all cells of the query. A group's F1, precision and recall
are means over its types; its accuracy is the share of all its cells that were named rightly. All
of them are computed for each task and averaged over the tasks that have the group.
"""

from __future__ import annotations

import numpy as np
from predictions import LABELS
from study.abundance_page import figure, page
from study.methods import Found, Sides
from study.names import NETWORKS
from study.rows import Row
from study.runs import Setting, Study

TASKS = ("kang8:donors", "pbmc:to_pbmc3k", "cortex:rna", "dlpfc:673+674")


def measure(setting: Setting, sides: Sides, found: Found) -> list[Row]:
    """Return a row for each type of the query: its cells on both sides and its scores."""
    from sklearn.metrics import precision_recall_fscore_support

    del setting
    truth = sides.truth
    types, counts = np.unique(truth, return_counts=True)
    taught = sides.reference.obs[LABELS].astype(str).value_counts()
    scores = precision_recall_fscore_support(truth, found.labels, labels=types, zero_division=0)
    return [
        {
            "cell_type": str(name),
            "reference_cells": int(taught.get(name, 0)),
            "query_cells": int(n_cells),
            "precision": round(float(precision), 5),
            "recall": round(float(recall), 5),
            "f1": round(float(f1), 5),
        }
        for name, n_cells, precision, recall, f1 in zip(types, counts, *scores[:3], strict=True)
    ]


STUDY = Study(
    name="abundance",
    tasks=TASKS,
    settings=(Setting("standard", (*NETWORKS, "logistic unscaled", "celltypist")),),
    measure=measure,
    page=page,
    figure=figure,
)
