"""Apply a trained network to cells that are already in the model's terms."""

from __future__ import annotations

import copy
from typing import Literal, NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.rows import largest_in_row
from plkd.errors import InputError
from plkd.model.annotator import CellAnnotator
from plkd.model.devices import torch_device
from plkd.networks.student import Student, StudentOutput
from plkd.networks.teacher import Teacher, TeacherOutput
from plkd.trust.novelty import readings_of
from plkd.trust.type_space import centred_length

Network = Literal["student", "teacher"]
TEACHER_BATCH = 128
SPARSE_SHARE = 0.3
"""Share of stored values below which the Student's first layer is quicker sparse (measured: at
0.14 it takes 9 ms against 22 for 4,096 cells, at about 0.3 the same)."""

WIDTH_OF_PRODUCT = 16
"""What dense cells are multiplied by is brought to a multiple of this with zeros: 4,096 cells times
282 columns take 92 ms, times 288 columns 62."""

WRITTEN_OUT = 4096
"""Cells that are dense at a time, at most, where they are read from memory."""

MANY = 1024
"""Cells from which on the Student and the directions share one product; fewer gain nothing."""


class Prediction(NamedTuple):
    """What a network says of some cells."""

    probabilities: NDArray[np.float32]
    """Probability of each type, ``(n_cells, n_types)``; rows sum to 1. Linear discriminants that
    the model has of the reference, and of the query it was adapted to, are heard beside the network
    (:class:`plkd.trust.gene_discriminant.GeneDiscriminant`)."""
    embedding: NDArray[np.float32]
    """Batch-corrected embedding, ``(n_cells, 128)`` of the Student, ``(n_cells, 48)`` of the
    Teacher with default shapes."""
    scores: NDArray[np.float32] | None = None
    """How far each cell is from the reference, ``(n_cells,)``, before the query's batch effect is
    taken off (:meth:`plkd.trust.novelty.NoveltyScale.scores`); ``None`` where nobody knows."""
    doubts: NDArray[np.float32] | None = None
    """One less the probability that the network alone gives the type that it names,
    ``(n_cells,)``; ``None`` where there are no scores."""
    lone: NDArray[np.float32] | None = None
    """How new each cell looks by itself, ``(n_cells,)``
    (:meth:`plkd.trust.lone_scale.LoneScale.scores`): the scores in models of format versions up to
    9; ``None`` where there are no scores."""
    points: NDArray[np.float32] | None = None
    """Where each cell lies along the axes of :class:`plkd.trust.group_space.GroupSpace`, or those
    that were asked for, ``(n_cells, n_axes)``; ``None`` where the model has none."""


class Predictor:
    """Annotate dense chunks of cells with one network of a model, which stays on the CPU.

    Parameters
    ----------
    model
        A fitted model.
    network
        "student" or "teacher".

    Attributes
    ----------
    trust
        What the model learned of when to believe this network, or ``None``.
    groups
        The axes of the reference and its groups of like cells, or ``None``.

    Raises
    ------
    NotFittedError
        The model has learned nothing yet.
    InputError
        The Teacher was asked for and the model was loaded without it, or its device is not here.
    """

    def __init__(self, model: CellAnnotator, network: Network = "student") -> None:
        model._check_fitted()
        self.device = torch_device(model.device)
        self.network = choose_network(model, network)
        if self.device.type != "cpu":
            self.network = copy.deepcopy(self.network).to(self.device)
        self.classes = model.classes_
        self.n_types = len(model.classes_)
        self.width = self.network.head.in_features
        self.batch = TEACHER_BATCH if network == "teacher" else None
        known = model.trust_
        self.trust = None if known is None else known.networks.get(network)
        self._space = None if known is None or self.trust is None else known.space
        self._beside = None if known is None or self.trust is None else known.discriminant
        self._of_query = None if self.trust is None else self.trust.query
        told = known is not None and self.trust is not None and self.trust.grouped is not None
        self.groups = known.groups if known is not None and told else None
        self._origin: NDArray[np.float32] | None = None
        if self.groups is None:
            self._listen(None)
        else:
            self.listen_along(self.groups.axes, self.groups.origin)

    def listen_along(self, axes: NDArray[np.float32], origin: NDArray[np.float32]) -> None:
        """Say from now on where cells lie along these axes; at first they are the reference's.

        Parameters
        ----------
        axes
            What a cell is multiplied by, ``(n_axes, n_genes)``.
        origin
            What is taken off then, ``(n_axes,)``.
        """
        self._origin = origin
        self._listen(axes)

    @torch.inference_mode()
    def _listen(self, axes: NDArray[np.float32] | None) -> None:
        self._directions = None
        if self._space is not None:
            heard = (self._beside, self._of_query)
            beside = [each.directions for each in heard if each is not None]
            asked = [self._space.directions, *beside, *([] if axes is None else [axes])]
            self._directions = torch.from_numpy(np.concatenate(asked)).to(self.device)
        self._weight_by_gene = self._padded_weight = torch.empty(0)
        self._n_profiles, self._heard_as, self._sums_at = 0, 0.0, 0
        if self.small:
            self._hear_at_once(cast(Student, self.network))

    def _hear_at_once(self, student: Student) -> None:
        """Note what cells are multiplied by; profiles that are directions too, only once."""
        profiles, also = student.profiles, self._directions
        self._n_profiles = 0 if profiles is None else len(profiles)
        if profiles is not None and also is not None:
            first = also[: len(profiles)]
            times = float(profiles.norm() / first.norm().clamp_min(1e-12))
            if times > 0 and torch.allclose(
                profiles, times * first, rtol=1e-4, atol=1e-6 * max(times, 1.0)
            ):
                self._heard_as, also = times, also[len(profiles) :]
        self._weight_by_gene = weight = student.weight_by_gene(also)
        self._sums_at = weight.shape[1] - cast(torch.nn.Linear, student.layers[0]).out_features
        if self._space is not None:
            weight = F.pad(weight, (0, 1), value=1.0)  # the sum of each cell, for its length
        self._padded_weight = F.pad(weight, (0, -weight.shape[1] % WIDTH_OF_PRODUCT))

    @torch.inference_mode()
    def __call__(self, expression: NDArray[np.float32]) -> Prediction:
        """Return probabilities and embeddings of cells.

        Parameters
        ----------
        expression
            log1p counts per 10,000 over the model's genes, in order, ``(n_cells, n_genes)``.
        """
        size = self.batch or max(1, len(expression))
        parts = []
        for start in range(0, len(expression), size):
            part = torch.from_numpy(expression[start : start + size]).to(self.device)
            if self.small and len(part) >= MANY:
                student = cast(Student, self.network)
                output, beside = student.from_dense(part, self._padded_weight)
                length = self._length(part, beside[:, self._sums_at :])
                parts.append(self._prediction(output, self._directions_in(beside), length))
                continue
            length = self._length(part)
            directions = self._directions
            heard = None if directions is None else (part @ directions.T).cpu().numpy()
            parts.append(self._prediction(self.network(part), heard, length))
        return _joined(parts)

    def of_rows(self, expression: csr_matrix) -> Prediction:
        """Return the same of sparse cells, of which few at a time are written out.

        Parameters
        ----------
        expression
            log1p counts per 10,000 over the model's genes, CSR ``(n_cells, n_genes)``.
        """
        starts = range(0, max(expression.shape[0], 1), WRITTEN_OUT)
        return _joined([self(expression[i : i + WRITTEN_OUT].toarray()) for i in starts])

    @property
    def small(self) -> bool:
        """Whether one thread does well with a chunk: the Student on a CPU."""
        return self.device.type == "cpu" and isinstance(self.network, Student)

    def is_faster_sparse(self, expression: csr_matrix) -> bool:
        """Say whether :meth:`sparse` is the quicker way for cells with so many zeros."""
        cells, genes = expression.shape
        return self.small and expression.nnz < SPARSE_SHARE * cells * genes

    @torch.inference_mode()
    def sparse(self, expression: csr_matrix) -> Prediction:
        """Return the Student's probabilities and embeddings without writing zeros out.

        Parameters
        ----------
        expression
            log1p counts per 10,000 over the model's genes, CSR ``(n_cells, n_genes)``.
        """
        output, beside = cast(Student, self.network).from_sparse(
            torch.from_numpy(expression.data),
            torch.from_numpy(expression.indices),
            torch.from_numpy(expression.indptr[:-1]),
            self._weight_by_gene,
        )
        length = None if self._space is None else centred_length(expression)
        return self._prediction(output, self._directions_in(beside), length)

    def _length(
        self, part: torch.Tensor, beside: torch.Tensor | None = None
    ) -> NDArray[np.float32] | None:
        """Return what ``centred_length`` does, of zeros written out; sums come first beside."""
        if self._space is None:
            return None
        sums = part.sum(1) if beside is None else beside[:, 0]
        squares = torch.linalg.vector_norm(part, dim=1).square()
        centred = squares - sums.square() / part.shape[1]
        return np.asarray(centred.clamp_min(0).sqrt().cpu().numpy())

    def _directions_in(self, beside: torch.Tensor) -> NDArray[np.float32]:
        """Return the cells times the directions, of what was heard beside the first layer."""
        if self._heard_as:
            beside[:, : self._n_profiles] /= self._heard_as
        else:
            beside = beside[:, self._n_profiles :]
        n_directions = 0 if self._directions is None else len(self._directions)
        return beside[:, :n_directions].numpy()

    def _prediction(
        self,
        output: StudentOutput | TeacherOutput,
        heard: NDArray[np.float32] | None,
        length: NDArray[np.float32] | None,
    ) -> Prediction:
        embedding = output.embedding.cpu().numpy()
        if self._space is None or self.trust is None or heard is None or length is None:
            return Prediction(_softmax(output.logits), embedding)
        logits, doubts = output.logits.cpu().numpy(), 1 - largest_in_row(_softmax(output.logits))
        says = self._space.readings(heard, length, logits.argmax(1))
        readings = readings_of(says, logits, self.trust.embedding.distance(embedding))
        scores = self.trust.scale.scores(readings).astype(np.float32)
        told = self.trust.lone
        lone = scores if told is None else told.scores(readings).astype(np.float32)
        heard = heard[:, len(self._space.directions) :]
        if self._beside is not None:
            middle = self.trust.calibration.middle
            own, heard = heard[:, : self.n_types], heard[:, self.n_types :]
            logits = self._beside.heard_beside(logits, own, scores, middle)
        if self._of_query is not None:
            own, heard = heard[:, : self.n_types], heard[:, self.n_types :]
            logits = self._of_query.heard_of_all(logits, own)
        points = None if self._origin is None else heard - self._origin
        probabilities = _softmax(torch.from_numpy(logits))
        return Prediction(probabilities, embedding, scores, doubts, lone, points)


def choose_network(model: CellAnnotator, network: str) -> Student | Teacher:
    """Return the asked-for network of a fitted model, or say why it is not there."""
    if network == "student":
        return model.student_
    if network != "teacher":
        raise InputError("'student' or 'teacher'", repr(network), "choose one of the two")
    if model.teacher_ is None:
        raise InputError(
            "a model with its Teacher",
            "one that was saved or loaded without it",
            "ask the Student (--with student), or load all of the model: "
            "CellAnnotator.load(path, with_teacher=True)",
        )
    return model.teacher_


def _joined(parts: list[Prediction]) -> Prediction:

    def joined(values: tuple[NDArray[np.float32] | None, ...]) -> NDArray[np.float32] | None:
        known = [each for each in values if each is not None]
        return np.concatenate(known) if known else None

    probabilities, embeddings, *known = zip(*parts, strict=True)
    return Prediction(
        np.concatenate(probabilities), np.concatenate(embeddings), *map(joined, known)
    )


def _softmax(logits: torch.Tensor) -> NDArray[np.float32]:
    return np.asarray(logits.softmax(1).cpu().numpy())
