"""How the networks are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from plkd.config.base import Config
from plkd.errors import InputError

OPTIMIZERS = ("adamw", "sgd")


@dataclass(frozen=True)
class TrainConfig(Config):
    """How Teacher and Student are trained. Defaults are what measured best on held-out batches.

    Attributes
    ----------
    batch_size
        Cells in a mini-batch, on each device. L1 compares the cells of one mini-batch.
    teacher_epochs, student_epochs
        Passes over the reference at most.
    min_steps
        Mini-batches of the Teacher at least, whatever the held-out score says: a small reference
        gets more epochs.
    student_min_steps
        Mini-batches of the Student at least; ``None`` for twice ``min_steps``.
    max_cells_per_epoch
        A larger reference is visited in parts of this size.
    optimizer
        "adamw", or the paper's "sgd" with momentum 0.9.
    teacher_lr, student_lr
        Highest learning rate; a short linear warm-up leads to it, a cosine to zero follows.
    weight_decay
        Decay of the weights. Paper's code: 5e-5.
    warmup
        Share of the steps spent on the linear warm-up.
    clip
        Norm to which gradients are clipped; ``None`` leaves them.
    clustering_weight, bandwidth
        Weight of L1 (the paper's lambda_1) and its sigma; ``None`` takes the batch's mean
        distance. Paper: 1 and 1; a weight of 1 was worse than no L1 at all on held-out batches,
        0.1 better than both.
    pattern_keep
        Share of the patterns that a training step attends to, drawn anew for each step. 1 is
        the paper's; less is faster and makes the Teacher lean on no single pattern.
    balance
        Cells are drawn in proportion to (cells of their type) ** -balance; 0 draws them as
        they are, 1 draws all types equally often.
    marker_power, marker_floor
        Both networks hear genes on a scale while they learn: how far a gene tells some pair of
        types apart, to this power; and the more of every gene, in proportion to the floor, the
        less the best markers tell of a single cell (:func:`plkd.data.marker_scale.marker_scale`).
        A power of 0 makes all genes alike (the paper).
    profile_weight
        So many times a cell's agreement with the mean of each type is added to what the trained
        networks say (:func:`plkd.data.type_profiles.type_profiles`). 0 leaves it out (the paper).
    discriminant_weight
        So many times the log-probabilities of a linear discriminant of the reference's cells count
        beside what a trained network says of a cell like the reference
        (:mod:`plkd.trust.gene_discriminant`). Needs ``trust``, which says what such a cell is. 0
        leaves it out (the paper).
    teacher_shift_genes, student_shift_genes
        Batch effects made up in training: in each mini-batch every gene is moved by a step of its
        own, the same for all cells; the steps' standard deviation, the same for every gene, is
        drawn between 0 and this many of a typical gene's own. 0 leaves the cells as they are (the
        paper). The Teacher learns too little under steps as large as the Student's.
    teacher_drop_genes, student_drop_genes
        Each cell loses a share of its genes in training, drawn between 0 and this. Paper: 0.
    thin_to
        Counts are thinned in training down to this share of the depth at most; ``None`` leaves
        them (the paper).
    label_smoothing
        Softening of the reference labels in L2.
    temperature
        T of the distillation. Paper: 3; on held-out batches 1 was better.
    self_entropy_weight
        Weight of L4 (the paper's lambda_4).
    hard_label_weight
        Weight of the cross-entropy with reference labels in the Student. Paper's text: 0.
    doubtful_labels
        Share of labels contradicted by a cell's neighbours (:mod:`plkd.trust.label_quality`) above
        which labels that are likely wrong are set aside (:mod:`plkd.trust.wrong_labels`): their
        cells then teach as cells without a label do. Clean references of ours have at most 0.044 of
        them, so nothing is done there; with fewer than about six types little is found. Set aside,
        too, is a label of one batch whose cells the other batches call a type that it does not name
        (:mod:`plkd.trust.other_batches`). ``None`` or 1 believes all labels (the paper).
    trust
        Learn on the held-out cells when to believe the model: calibrated confidence, novelty,
        sets of types. Needs ``hold_out``; takes the time of one more Student.
    hold_out
        Share of the reference held out to choose the number of epochs, in whole batches where
        there are batches. 0 trains for all epochs and reports no held-out score.
    max_held_out
        Held-out cells that are looked at after each epoch, at most.
    patience
        Mini-batches without a better held-out score, counted from the end of the warm-up, after
        which the choice is made; ``None`` goes through all epochs before choosing.
    refit
        Train anew on all cells for the chosen number of epochs; otherwise the held-out cells
        stay out of the model.
    """

    batch_size: int = 128
    teacher_epochs: int = 12
    student_epochs: int = 12
    min_steps: int = 400
    student_min_steps: int | None = None
    max_cells_per_epoch: int = 50_000
    optimizer: str = "adamw"
    teacher_lr: float = 2e-3
    student_lr: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.1
    clip: float | None = 1.0
    clustering_weight: float = 0.1
    bandwidth: float | None = 1.0
    pattern_keep: float = 0.33
    balance: float = 0.5
    marker_power: float = 2.0
    marker_floor: float = 0.3
    profile_weight: float = 30.0
    discriminant_weight: float = 0.3
    teacher_shift_genes: float = 2.0
    student_shift_genes: float = 3.0
    teacher_drop_genes: float = 0.5
    student_drop_genes: float = 0.95
    thin_to: float | None = None
    label_smoothing: float = 0.0
    temperature: float = 1.0
    self_entropy_weight: float = 0.1
    hard_label_weight: float = 0.0
    doubtful_labels: float | None = 0.05
    trust: bool = True
    hold_out: float = 0.2
    max_held_out: int = 600
    patience: int | None = 300
    refit: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.optimizer not in OPTIMIZERS:
            raise InputError(
                f"TrainConfig.optimizer as one of {', '.join(OPTIMIZERS)}",
                repr(self.optimizer),
                "choose one of these",
            )

    @property
    def fewest_student_steps(self) -> int:
        """Mini-batches of the Student at least."""
        return 2 * self.min_steps if self.student_min_steps is None else self.student_min_steps

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the configuration that ``as_dict`` wrote; fields it lacks take their default.

        Older versions took any other name of an optimiser for AdamW, and wrote the name; and they
        knew neither floor nor discriminant.
        """
        values = {"marker_floor": 0.0, "discriminant_weight": 0.0, **values}
        if values.get("optimizer", "adamw") not in OPTIMIZERS:
            values = {**values, "optimizer": "adamw"}
        return super().from_dict(values)

    @classmethod
    def _ranges(cls) -> dict[str, tuple[float, float]]:
        return {
            "batch_size": (2, 1_000_000),
            "teacher_epochs": (1, 100_000),
            "student_epochs": (1, 100_000),
            "min_steps": (0, 10_000_000),
            "student_min_steps": (0, 20_000_000),
            "max_cells_per_epoch": (1, 10**9),
            "teacher_lr": (0.0, 1e3),
            "student_lr": (0.0, 1e3),
            "weight_decay": (0.0, 1e3),
            "warmup": (0.0, 0.9),
            "clip": (1e-9, 1e9),
            "clustering_weight": (0.0, 1e6),
            "bandwidth": (1e-6, 1e6),
            "pattern_keep": (0.01, 1.0),
            "balance": (0.0, 1.0),
            "thin_to": (1e-3, 1.0),
            "marker_power": (0.0, 100.0),
            "marker_floor": (0.0, 100.0),
            "profile_weight": (0.0, 1e4),
            "discriminant_weight": (0.0, 1e4),
            "teacher_shift_genes": (0.0, 100.0),
            "student_shift_genes": (0.0, 100.0),
            "teacher_drop_genes": (0.0, 0.99),
            "student_drop_genes": (0.0, 0.99),
            "label_smoothing": (0.0, 0.9),
            "temperature": (1e-3, 1e3),
            "self_entropy_weight": (0.0, 1e6),
            "hard_label_weight": (0.0, 1e6),
            "doubtful_labels": (0.0, 1.0),
            "hold_out": (0.0, 0.9),
            "max_held_out": (1, 10**9),
            "patience": (1, 10**9),
        }

    @classmethod
    def paper(cls) -> TrainConfig:
        """Return the paper's training: SGD with momentum, 6 epochs, no augmentation.

        Section 3.2 of the paper; batch size 8, learning rate 0.001, momentum 0.9 and weight
        decay 5e-5 are not in its text and are those of the authors' code. Some of the reference is
        held out as in the default: the Teacher goes through all 6 epochs without these cells, and
        then learns from all cells for as many epochs as were best. With ``hold_out=0`` it learns
        from all cells for 6 epochs.
        """
        return cls(
            batch_size=8,
            teacher_epochs=6,
            student_epochs=6,
            min_steps=0,
            optimizer="sgd",
            teacher_lr=1e-3,
            student_lr=1e-3,
            weight_decay=5e-5,
            warmup=0.0,
            clip=None,
            clustering_weight=1.0,
            pattern_keep=1.0,
            balance=0.0,
            marker_power=0.0,
            marker_floor=0.0,
            profile_weight=0.0,
            discriminant_weight=0.0,
            teacher_shift_genes=0.0,
            student_shift_genes=0.0,
            teacher_drop_genes=0.0,
            student_drop_genes=0.0,
            thin_to=None,
            doubtful_labels=None,
            temperature=3.0,
            self_entropy_weight=1.0,
            patience=None,
        )
