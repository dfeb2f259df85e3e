"""The four losses of the paper, each a function of tensors."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def divergence_clustering_loss(
    embedding: Float[Tensor, "cell h"],
    assignment: Float[Tensor, "cell type"],
    *,
    bandwidth: float | None = 1.0,
    eps: float = 1e-9,
) -> Float[Tensor, ""]:
    r"""Return L1: how much the types overlap in the embedding, 0 when they are apart.

    Parameters
    ----------
    embedding
        Cell embeddings :math:`c_r`, ``(n_cells, h)``.
    assignment
        Soft assignment of cells to types, non-negative: softmax probabilities.
    bandwidth
        The kernel's :math:`\sigma`. The paper's is 1. ``None`` takes it from the batch:
        :math:`\sigma^2` is the mean squared distance (no gradient flows into it).
    eps
        Floor of the denominator.

    Notes
    -----
    Implements Eq. (5): with :math:`s_{ij} = \exp(-|c_i - c_j|^2 / \sigma^2)`,
    :math:`L_1 = \frac1k \sum_a \sum_{b>a} Y_a^T S Y_b / \sqrt{Y_a^T S Y_a \; Y_b^T S Y_b}`.
    Two matrix products give all pairs of types at once.

    Deviations: the paper calls Y "logits" and "soft labels"; probabilities keep each term in
    [0, 1], logits do not.
    """
    squared = embedding.square().sum(1)
    distance = (squared[:, None] + squared[None] - 2 * embedding @ embedding.T).clamp(min=0)
    scale = distance.detach().mean().clamp(min=eps) if bandwidth is None else bandwidth**2
    similarity = torch.exp(-distance / scale)
    overlap = assignment.T @ similarity @ assignment
    own = overlap.diagonal().clamp(min=eps)
    cosine = overlap / (own[:, None] * own[None]).sqrt()
    return torch.triu(cosine, diagonal=1).sum() / assignment.shape[1]


def cross_entropy(
    logits: Float[Tensor, "cell type"],
    codes: Int[Tensor, " cell"],
    *,
    smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Return L2 over the labelled cells (code -1 is unlabelled); 0 when none is labelled.

    Notes
    -----
    Implements Eq. (6).
    """
    labelled = codes >= 0
    if not bool(labelled.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[labelled], codes[labelled], label_smoothing=smoothing)


def distillation_loss(
    student_logits: Float[Tensor, "cell type"],
    teacher_logits: Float[Tensor, "cell type"],
    *,
    temperature: float = 3.0,
    rescale: bool = True,
) -> Float[Tensor, ""]:
    """Return L3: how far the Student's softened answer is from the Teacher's, in nats.

    Parameters
    ----------
    temperature
        The paper's T, 3.
    rescale
        Multiply by T squared, which keeps the gradient's size independent of T.

    Notes
    -----
    Implements Eq. (7): mean over cells of KL(softmax(y^T/T) || softmax(y^S/T)).
    Deviations: the factor T squared, where ``rescale`` is set.
    """
    log_student = F.log_softmax(student_logits / temperature, dim=1)
    log_teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    divergence = F.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True)
    return divergence * temperature**2 if rescale else divergence


def self_entropy_loss(logits: Float[Tensor, "cell type"]) -> Float[Tensor, ""]:
    """Return L4: the negative entropy of the mean prediction, divided by the number of types.

    Notes
    -----
    Implements Eq. (8) in the form of its source: with p the batch mean of softmax(y^S),
    (1/k) sum_a p[a] log p[a]. Minimising it keeps every type alive.
    Deviations: the paper prints mean logits in place of the mean prediction.
    """
    mean = logits.softmax(1).mean(0)
    return torch.xlogy(mean, mean).mean()
