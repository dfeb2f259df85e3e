"""A fitted annotator as header and arrays, and back."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from plkd.config import StudentConfig, TeacherConfig, TrainConfig
from plkd.data.gene_sets import PatternMask
from plkd.data.reference_genes import GeneList
from plkd.errors import ModelFileError
from plkd.model.files import ModelContents
from plkd.model.networks import build_student, build_teacher
from plkd.trust.learned import Trust, under

if TYPE_CHECKING:
    from plkd.model.annotator import CellAnnotator

Arrays = dict[str, NDArray[Any]]
Model = TypeVar("Model", bound="CellAnnotator")

GENE_WEIGHTS = "gene_weights"
PROFILES = "profiles"
TRUST = "trust."
PATTERN_INDEX = "mask.pattern_index"
GENE_INDEX = "mask.gene_index"


def to_contents(model: CellAnnotator) -> ModelContents:
    """Return what a fitted annotator is made of, ready to be written."""
    header = {
        "classes": list(model.classes_),
        "genes": {"names": list(model.genes_.names), "ids": _list(model.genes_.ids)},
        "patterns": {
            "names": list(model.patterns_.pattern_names),
            "n_free": model.patterns_.n_free,
        },
        "contract": model.contract_,
        "config": {
            "n_genes": model.n_genes,
            "teacher": model.teacher.as_dict(),
            "student": model.student.as_dict(),
            "training": model.training.as_dict(),
        },
        "seed": model.seed,
        "fingerprint": fingerprint(model),
        "summary": model.summary_,
    }
    student = {**_arrays(model.student_), GENE_WEIGHTS: model.gene_weights_}
    if model.trust_ is not None:
        student |= {f"{TRUST}{name}": array for name, array in model.trust_.as_arrays().items()}
    teacher = None
    if model.teacher_ is not None:
        teacher = {
            **_arrays(model.teacher_),
            PATTERN_INDEX: np.asarray(model.patterns_.pattern_index),
            GENE_INDEX: np.asarray(model.patterns_.gene_index),
        }
    return ModelContents(header, student, teacher)


def from_contents(model: Model, contents: ModelContents) -> Model:
    """Give a new annotator what was read from a file, and return it.

    Raises
    ------
    ModelFileError
        The parts do not fit each other.
    """
    header, student = contents.header, dict(contents.student)
    try:
        _restore(model, header, student, contents.teacher)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelFileError(
            "weights and header of a model that fit each other",
            f"{type(error).__name__}: {reason}",
            "save the model again, or fetch an undamaged copy",
        ) from error
    return model


def fingerprint(model: CellAnnotator) -> str:
    """Return 16 characters that name a fitted Student: its weights, genes and classes."""
    names = json.dumps([model.classes_, model.genes_.names])
    digest = hashlib.sha256(names.encode())
    for name, array in sorted(_arrays(model.student_).items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _restore(
    model: CellAnnotator, header: dict[str, Any], student: Arrays, teacher: Arrays | None
) -> None:
    config, genes = header["config"], header["genes"]
    model.n_genes = config["n_genes"]
    model.teacher = TeacherConfig.from_dict(config["teacher"])
    model.student = StudentConfig.from_dict(config["student"])
    model.training = TrainConfig.from_dict(config["training"])
    model.seed = header["seed"]
    model.classes_ = tuple(header["classes"])
    ids = None if genes["ids"] is None else tuple(genes["ids"])
    model.genes_ = GeneList(tuple(genes["names"]), ids)
    model.contract_ = header["contract"]
    model.summary_ = header["summary"]
    model.gene_weights_ = student.pop(GENE_WEIGHTS)
    known = {name: student.pop(name) for name in list(student) if name.startswith(TRUST)}
    model.trust_ = Trust.from_arrays(under(TRUST, known)) if known else None
    n_genes, n_types = len(model.genes_), len(model.classes_)
    model.student_ = _loaded(build_student(n_genes, n_types, model.student), student)
    model.is_first_ = True
    model.teacher_ = None
    parts = dict(teacher or {})
    empty = np.empty(0, dtype=np.int64)
    model.patterns_ = PatternMask(
        pattern_names=tuple(header["patterns"]["names"]),
        pattern_index=parts.pop(PATTERN_INDEX, empty),
        gene_index=parts.pop(GENE_INDEX, empty),
        n_patterns=len(header["patterns"]["names"]),
        n_genes=n_genes,
        n_free=header["patterns"]["n_free"],
    )
    if teacher is not None:
        model.teacher_ = _loaded(build_teacher(model.patterns_, model.teacher, n_types), parts)


def _loaded(network: Any, arrays: Arrays) -> Any:
    if PROFILES in arrays:  # format version 1 had none
        network.profiles = torch.empty(arrays[PROFILES].shape)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval()


def _arrays(network: nn.Module) -> Arrays:
    return {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)
