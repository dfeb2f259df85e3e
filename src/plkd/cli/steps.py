"""What several commands do before and after their work."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from plkd.cli.options import Preset
    from plkd.model.annotator import CellAnnotator

STDOUT = "-"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def named_like(*endings: str) -> Callable[[Path | None], Path | None]:
    """Return what refuses an output that is not named like one: a slip must not hit a data file."""

    def target(value: Path | None) -> Path | None:
        if value is not None and value.suffix.lower() not in endings:
            raise typer.BadParameter(f"give a file name that ends in {', '.join(endings)}")
        return value

    return target


def prepare(*, threads: int | None = None, json_to: str | None, overwrite: bool) -> None:
    """Set the number of threads and check the JSON output, before anything heavy is imported.

    Raises
    ------
    OutputExistsError
        The JSON file exists and overwriting was not asked for.
    InputError
        Its folder does not exist.
    """
    if threads is not None:
        os.environ.update(dict.fromkeys(_THREADS, str(threads)))
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)
    if json_to not in (None, STDOUT):
        from plkd.outputs import refuse_absent_folder, refuse_existing

        refuse_existing(Path(json_to), overwrite=overwrite)
        refuse_absent_folder(Path(json_to))


def answer(
    summary: str,
    numbers: dict[str, Any],
    *,
    json_to: str | None,
    overwrite: bool = False,
    quiet: bool = False,
) -> None:
    """Give the summary to a person, the numbers to a pipeline.

    Parameters
    ----------
    summary
        Text for standard output, unless ``quiet`` or the numbers go there.
    numbers
        Plain values.
    json_to
        File for the numbers, ``"-"`` for standard output, ``None`` for nowhere.
    """
    if json_to is not None:
        written = json.dumps(numbers, indent=2, ensure_ascii=False, allow_nan=False)
        if json_to == STDOUT:
            typer.echo(written)
            return
        from plkd.outputs import replace_when_done

        with replace_when_done(Path(json_to), overwrite=overwrite) as partial:
            partial.write_text(written + "\n", encoding="utf-8")
    if not quiet:
        typer.echo(summary)


def new_annotator(
    gene_sets: Path | None,
    *,
    n_genes: int | None,
    patterns: int | None,
    preset: Preset,
    epochs: int | None,
    student_epochs: int | None,
    doubtful_labels: float | None,
    seed: int,
    device: str,
    devices: int,
) -> CellAnnotator:
    """Return an annotator set as the options of ``plkd train`` say."""
    from dataclasses import replace

    from plkd.config import StudentConfig, TeacherConfig, TrainConfig
    from plkd.data.gene_sets import read_gene_sets
    from plkd.data.number_of_genes import FEWER
    from plkd.model.annotator import CellAnnotator

    training = TrainConfig.paper() if preset == "paper" else TrainConfig()
    # Epochs that are said outright are a maximum: a small reference does not get more.
    if epochs is not None:
        fewest = training.fewest_student_steps
        training = replace(training, teacher_epochs=epochs, min_steps=0, student_min_steps=fewest)
    if student_epochs is not None:
        training = replace(training, student_epochs=student_epochs, student_min_steps=0)
    if doubtful_labels is not None:
        training = replace(training, doubtful_labels=doubtful_labels)
    teacher = TeacherConfig.paper() if preset == "paper" else TeacherConfig()
    if patterns is not None:
        teacher = replace(teacher, n_patterns=patterns)
    return CellAnnotator(
        read_gene_sets(gene_sets) if gene_sets else None,
        n_genes=FEWER if n_genes is None and preset == "paper" else n_genes,
        teacher=teacher,
        student=StudentConfig.paper() if preset == "paper" else StudentConfig(),
        training=training,
        seed=seed,
        device=device,
        devices=devices,
    )
