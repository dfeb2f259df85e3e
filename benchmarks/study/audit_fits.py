"""Training on a reference of which a fifth of the labels are wrong, with all believed and by default.

==========================  =====================================================================
as they are                 plkd's defaults, the reference's own labels
wrong, all believed         20 % wrong (:func:`study.ablation.with_wrong_labels`), and
                            ``doubtful_labels=None``
wrong, doubtful set aside   the same labels, plkd's defaults
==========================  =====================================================================

Measured are accuracy and macro F1 over the types present in the query, whose truth is untouched.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from study.ablation import TASKS, noisy
from study.methods import Found, Sides
from study.names import NETWORKS
from study.rows import Row
from study.runs import Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARE = 0.2
AS_THEY_ARE, BELIEVED, SET_ASIDE = "as they are", "wrong, all believed", "wrong, doubtful set aside"


def measure(setting: Setting, sides: Sides, found: Found) -> list[Row]:
    """Return accuracy and macro F1 as one row."""
    from sklearn.metrics import accuracy_score, f1_score

    del setting
    truth = sides.truth
    f1 = f1_score(truth, found.labels, labels=np.unique(truth), average="macro", zero_division=0)
    accuracy = accuracy_score(truth, found.labels)
    return [{"accuracy": round(float(accuracy), 5), "macro_f1": round(float(f1), 5)}]


def settings(methods: Sequence[str] = NETWORKS) -> tuple[Setting, ...]:
    """Return the three settings."""
    wrong = partial(noisy, share=SHARE)
    return (
        Setting(AS_THEY_ARE, tuple(methods)),
        Setting(BELIEVED, tuple(methods), changed=wrong, training={"doubtful_labels": None}),
        Setting(SET_ASIDE, tuple(methods), changed=wrong),
    )
