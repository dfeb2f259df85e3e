"""Imbalance, Figure 7 of the paper: a rare type beside 100 to 500 times as many of another.

The reference is cut down to two types. With a reference that has ``a`` cells of the major type and
a ratio ``r``, ``a // r`` cells of the rare type and exactly ``r`` times as many of the major type
are drawn at random by the seed; of one seed, the cells of a smaller draw are among those of a
larger one. The query is every cell of the two types in the query's batches.

The paper pairs CD14 monocytes with three kinds of dendritic cells. Ours (cells in reference and
query of kang8:donors):

============================  ====================================================================
CD14 Mono : DC                1,580 and 1,190 : 85 and 118; the nearest to the paper's pairs and
                              the one that its figures are held against
CD14 Mono : FCGR3A Mono       1,580 and 1,190 : 433 and 303; two kinds of monocytes
CD4 T : CD8 T                 2,300 and 2,854 : 404 and 678; the hardest
============================  ====================================================================

At 500:1 that is three rare cells (four of CD8 T). plkd refuses a type with a single cell, so
fewer than ``MIN_RARE`` are not drawn.

Measured is the rare type's F1 over the query, and ``f1_same_ratio``: the F1 expected of a query in
which the major type is ``r`` times as common, too. With recall R and the share f of major cells
that are given the rare name, it is 2R / (1 + R + r f). The paper does not print the ratio of its
test cells; its text (false positives count for more as the ratio grows) fits the second.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from predictions import LABELS
from study.imbalance_page import figure, page
from study.methods import Found, Sides
from study.names import NETWORKS
from study.rows import Row
from study.runs import Setting, Study

TASK = "kang8:donors"
PAIRS = (("CD14 Mono", "DC"), ("CD14 Mono", "FCGR3A Mono"), ("CD4 T", "CD8 T"))
RATIOS = (100, 200, 300, 400, 500)
MIN_RARE = 3


def imbalanced(sides: Sides, seed: int, *, major: str, rare: str, ratio: int) -> Sides:
    """Return a reference of two types at exactly ``ratio`` to 1, and the query's cells of both.

    Raises
    ------
    SystemExit
        The reference has too few cells for ``MIN_RARE`` rare ones at this ratio.
    """
    types = sides.reference.obs[LABELS].to_numpy().astype(str)
    rng = np.random.default_rng(seed)
    majors, rares = (rng.permutation(np.flatnonzero(types == name)) for name in (major, rare))
    n_rare = min(len(majors) // ratio, len(rares))
    if n_rare < MIN_RARE:
        raise SystemExit(
            f"{ratio}:1 needs {MIN_RARE * ratio} cells of {major!r} and {MIN_RARE} of {rare!r} in "
            f"the reference; it has {len(majors)} and {len(rares)}"
        )
    drawn = np.sort(np.concatenate([majors[: ratio * n_rare], rares[:n_rare]]))
    asked = np.flatnonzero(np.isin(sides.truth, [major, rare]))
    reference, query = sides.reference[drawn].copy(), sides.query[asked].copy()
    for side in (reference, query):
        side.obs[LABELS] = side.obs[LABELS].astype(str).astype("category")
    return Sides(reference, query)


def measure(setting: Setting, sides: Sides, found: Found) -> list[Row]:
    """Return the rare type's measures as one row, with the cells that they rest on."""
    major, rare, ratio = (setting.columns[name] for name in ("major", "rare", "ratio"))
    taught = sides.reference.obs[LABELS].value_counts()
    is_rare, called = sides.truth == rare, found.labels == rare
    recall = float(called[is_rare].mean())
    false_share = float(called[~is_rare].mean())
    right = int((is_rare & called).sum())
    return [
        {
            "reference_major": int(taught[major]),
            "reference_rare": int(taught[rare]),
            "query_major": int((~is_rare).sum()),
            "query_rare": int(is_rare.sum()),
            "recall": round(recall, 5),
            "precision": round(right / max(int(called.sum()), 1), 5),
            "false_share": round(false_share, 7),
            "f1": round(2 * right / int(is_rare.sum() + called.sum()), 5),
            "f1_same_ratio": round(2 * recall / (1 + recall + ratio * false_share), 5),
        }
    ]


STUDY = Study(
    name="imbalance",
    tasks=(TASK,),
    settings=tuple(
        Setting(
            f"{major} : {rare}, {ratio}:1",
            (*NETWORKS, "logistic unscaled", "celltypist"),
            task=TASK,
            changed=partial(imbalanced, major=major, rare=rare, ratio=ratio),
            columns={"major": major, "rare": rare, "ratio": ratio},
        )
        for major, rare in PAIRS
        for ratio in RATIOS
    ),
    measure=measure,
    page=page,
    figure=figure,
)
