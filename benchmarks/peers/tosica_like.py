"""What TOSICA does, with plkd's own Teacher: a Transformer over gene sets, and no more than that.

==============  =================================================================================
tosica-like     one pattern without a mask beside the gene sets, all patterns in every step, types
                drawn equally often, cross-entropy alone: TOSICA's published arrangement. There is
                no L1, no gene shifted or lost in training, and no Student: the Teacher annotates.
                Optimiser, mini-batches, rates and the choice of the epochs on held-out batches
                are plkd's, which are better and many times faster than its own
==============  =================================================================================

It is to say what plkd adds to its nearest relative, and is no run of TOSICA's own code. It is
given what plkd is given, and chooses its genes as plkd does.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ours import annotated
from tasks import gene_set_file

if TYPE_CHECKING:
    from predictions import Prediction
    from tasks import TaskData

    from plkd.config import TrainConfig

OF_PLKD = (
    "batch_size",
    "teacher_epochs",
    "min_steps",
    "patience",
    "optimizer",
    "teacher_lr",
    "weight_decay",
    "warmup",
    "clip",
)
"""Fields of the training that are plkd's defaults; all others are the paper's."""


def tosica_like(cells: TaskData, folder: Path, seed: int) -> Prediction:
    """Train a plain Teacher and let it annotate; a Student made on the side is not timed."""
    import plkd
    from plkd.config import TeacherConfig

    task = cells.task
    sets = plkd.pp.read_gene_sets(gene_set_file(folder, list(cells.reference.var_names)))
    watch = TeacherWatch()
    start = time.perf_counter()
    model = plkd.CellAnnotator(
        sets, teacher=TeacherConfig.paper(), training=plain_training(), seed=seed
    ).fit(cells.reference, labels_key=task.labels, batch_key=task.batch, progress=watch)
    return annotated(cells.query, model, network="teacher", fit_seconds=watch.teacher_done - start)


def plain_training() -> TrainConfig:
    """Return the paper's training without L1 and with types drawn equally, in plkd's steps."""
    from plkd.config import TrainConfig

    ours = TrainConfig()
    return replace(
        TrainConfig.paper(),
        **{name: getattr(ours, name) for name in OF_PLKD},
        clustering_weight=0.0,
        balance=1.0,
        student_epochs=1,
    )


class TeacherWatch:
    """Told of the training's course: notes when the last stage of a Teacher ended."""

    teacher_done: float

    def start(self, stage: str, total_epochs: int) -> None:
        """Do nothing."""

    def epoch(self, stage: str, epoch: int, loss: float, held_out_macro_f1: float | None) -> None:
        """Do nothing."""

    def finish(self, stage: str) -> None:
        """Note the time where the stage is a Teacher's."""
        if stage.startswith("teacher"):
            self.teacher_done = time.perf_counter()
