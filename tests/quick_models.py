"""Models of plkd that learn easy cells in a second, in the place of those of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from anndata import AnnData

from plkd.config import TeacherConfig, TrainConfig
from plkd.model.annotator import CellAnnotator


def quick_fits(script: Callable[[str], ModuleType]) -> tuple[Callable[..., Any], list[Any]]:
    """Return what stands for ``kept_models.fitted``, and the list of what it was asked for."""
    kept = script("kept_models")
    asked: list[Any] = []

    def fitted(reference: AnnData, folder: object, *, name: str, seed: int, **_: Any) -> Any:
        asked.append((name, seed, tuple(sorted(set(reference.obs["batch"].astype(str))))))
        training = TrainConfig(teacher_epochs=3, student_epochs=6, min_steps=40, hold_out=0.0)
        model = CellAnnotator(
            teacher=TeacherConfig(n_patterns=6), training=training, seed=seed, device="cpu"
        )
        return kept.Fitted(model.fit(reference, labels_key="cell_type", batch_key="batch"), 1.0)

    return fitted, asked
