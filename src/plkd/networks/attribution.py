"""What each gene adds to a logit of the Student, compared with background cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from plkd.networks.student import Student


class Attributed(NamedTuple):
    """Values of genes, and how far they are from adding up."""

    values: Float[Tensor, "cell gene"]
    """The paper's :math:`\\phi`, in units of the logit: what a gene adds to it."""
    residual: Float[Tensor, " cell"]
    """The cell's logit, less the mean logit of the background, less the sum of ``values``: zero
    but for rounding."""


class Normed(NamedTuple):
    """What a LayerNorm made of some cells: its output is ``centred * scale``, then its weights."""

    centred: Float[Tensor, "cell unit"]
    scale: Float[Tensor, "cell 1"]

    def of(self, cell: int) -> Normed:
        """Return one cell's, to be set against all others."""
        return Normed(*(each[cell, None] for each in self))


class Activated(NamedTuple):
    """What a GELU was given by some cells, what it made of it, and its slope there."""

    given: Float[Tensor, "cell unit"]
    made: Float[Tensor, "cell unit"]
    slope: Float[Tensor, "cell unit"]

    def of(self, cell: int) -> Activated:
        """Return one cell's, to be set against all others."""
        return Activated(*(each[cell, None] for each in self))


Trace = list[Normed | Activated | None]
"""What each layer did; ``None`` where its multiplier is the same for all cells."""


@torch.inference_mode()
def attributions(
    student: Student,
    expression: Float[Tensor, "cell gene"],
    background: Float[Tensor, "other gene"],
    targets: Int[Tensor, " cell"],
) -> Attributed:
    r"""Split the logit of one type per cell into what each gene adds to it.

    Parameters
    ----------
    student
        A Student in evaluation mode.
    expression
        Cells to be explained, log1p counts per 10,000, ``(n_cells, n_genes)``.
    background
        Cells to compare with, at least one, ``(n_background, n_genes)``. Zeros save time.
    targets
        Type whose logit is split, for each cell, ``(n_cells,)``.

    Returns
    -------
    Values of the genes, averaged over the background, and the residual of their sum.

    Raises
    ------
    ValueError
        The Student is in training mode, or there is no background cell.
    TypeError
        The Student has a layer that no rule is known for.

    Notes
    -----
    Implements Eq. (10) to (12): for a cell and a background cell each layer has a multiplier, what
    its output changes by for each unit that its input does, and multipliers of layers in a row
    are multiplied. Eq. (12) at the logit is 1; at the genes :math:`\phi_g = m_g (x_g - x^0_g)`.

    * Linear: its weight.
    * GELU: the difference of its outputs over the difference of its inputs; where the inputs are
      next to equal, the mean of its slopes at the two.
    * LayerNorm: see :func:`through_layer_norm`.

    Each rule splits its difference completely, so the values of a cell add up to its logit less
    the background's. They are Shapley values (Eq. 9) where the network is linear, and differ from
    them in third order of :math:`x - x^0` where it is not.

    The first layer is linear. With :math:`m^b` the multipliers of its outputs against background
    cell b of B, :math:`\phi_g = x_g (W^\top \bar m)_g - \frac{1}{B} \sum_b x^b_g
    (W^\top m^b)_g`: one product for all of the background, and one for each background cell over
    the genes it expresses only. The Student's ``profiles`` P are linear beside it and add
    :math:`P_g (x_g - \bar x_g)`, :math:`\bar x` the background's mean.

    Deviations: the paper compares with the mean input, :math:`\bar e`; here each background cell
    is compared with and the values are averaged. The mean of cells is no cell: LayerNorm and GELU
    answer it as they answer none.
    """
    if student.training:
        raise ValueError("the Student is in training mode; call student.eval() first")
    if len(background) == 0:
        raise ValueError("there is no background cell to compare with")
    first, *layers = (*student.layers, student.head)
    weight = cast(nn.Linear, first).weight
    if student.gene_scale is not None:
        weight = weight * student.gene_scale
    bias = cast(nn.Linear, first).bias
    cells = trace(layers, F.linear(expression, weight, bias))
    others = trace(layers, F.linear(background, weight, bias))
    last = F.one_hot(targets, student.head.out_features).to(expression.dtype)
    summed = expression.new_zeros(len(expression), len(weight))
    away = expression.new_zeros(expression.shape[1], len(expression))  # a row a gene: added to fast
    for number, expressed in enumerate(background):
        seen = [None if each is None else each.of(number) for each in others]
        multiplier = _multiplier(layers, cells, seen, last)
        summed += multiplier
        genes = expressed.nonzero().squeeze(1)
        scaled = weight[:, genes] * expressed[genes]
        away.index_add_(0, genes, scaled.T @ multiplier.T)
    values = (expression * (summed @ weight)).sub_(away.T).div_(len(background))
    if student.profiles is not None:
        values += student.profiles[targets] * (expression - background.mean(0))
    own = student(expression).logits.gather(1, targets[:, None]).squeeze(1)
    compared = student(background).logits.mean(0)[targets]
    return Attributed(values, own - compared - values.sum(1))


def trace(layers: Sequence[nn.Module], hidden: Float[Tensor, "cell unit"]) -> Trace:
    """Return what each layer does to some cells, one after the other.

    Raises
    ------
    TypeError
        No rule is known for a layer.
    """
    traced: Trace = []
    for layer in layers:
        match layer:
            case nn.Linear():
                traced.append(None)
                hidden = layer(hidden)
            case nn.LayerNorm():
                centred = hidden - hidden.mean(1, keepdim=True)
                scale = (centred.square().mean(1, keepdim=True) + layer.eps).rsqrt()
                traced.append(Normed(centred, scale))
                hidden = centred * scale * layer.weight + layer.bias
            case nn.GELU(approximate="none"):
                made = layer(hidden)
                traced.append(Activated(hidden, made, gelu_slope(hidden)))
                hidden = made
            case nn.Dropout():
                traced.append(None)
            case _:
                raise TypeError(f"no rule is known for the multipliers of {layer}")
    return traced


def _multiplier(
    layers: Sequence[nn.Module], cells: Trace, other: Trace, last: Float[Tensor, "cell type"]
) -> Float[Tensor, "cell unit"]:
    """Go from the logits down to what the first layer gave, against one background cell."""
    multiplier = last
    for layer, cell, seen in zip(reversed(layers), reversed(cells), reversed(other), strict=True):
        if isinstance(layer, nn.Linear):
            multiplier = multiplier @ layer.weight
        elif isinstance(cell, Normed) and isinstance(seen, Normed):
            weighted = multiplier * cast(nn.LayerNorm, layer).weight
            multiplier = through_layer_norm(weighted, cell, seen)
        elif isinstance(cell, Activated) and isinstance(seen, Activated):
            multiplier = multiplier * gelu_multiplier(cell, seen)
    return multiplier


def gelu_multiplier(cell: Activated, other: Activated) -> Float[Tensor, "cell unit"]:
    r"""Return the difference quotient of the GELU between cells and one other cell.

    Notes
    -----
    The rescale rule. Inputs nearer than :math:`\epsilon^{1/3}`, :math:`\epsilon` the rounding of
    the type, have the mean of the slopes in its place: the error that leaves in a contribution is
    of the order of :math:`\epsilon`, and cancellation would make that of the quotient larger.
    """
    moved = cell.given - other.given
    near: Bool[Tensor, "cell unit"] = moved.abs() < torch.finfo(moved.dtype).eps ** (1 / 3)
    quotient = (cell.made - other.made) / moved
    return torch.where(near, (cell.slope + other.slope) / 2, quotient)


def gelu_slope(given: Float[Tensor, "cell unit"]) -> Float[Tensor, "cell unit"]:
    """Return the derivative of the exact GELU."""
    density = (-given.square() / 2).exp() / (2 * torch.pi) ** 0.5
    return torch.special.ndtr(given) + given * density


def through_layer_norm(
    multiplier: Float[Tensor, "cell unit"], cell: Normed, other: Normed
) -> Float[Tensor, "cell unit"]:
    r"""Take multipliers from what a LayerNorm gave (before its weights) to what it was given.

    Parameters
    ----------
    multiplier
        Of the normalised values, ``(n_cells, n_units)``.
    cell, other
        What the LayerNorm did to the cells, and to one other cell.

    Notes
    -----
    The output is a product, :math:`y_i = c_i s`, of the centred input :math:`c = h - \bar h` and
    the scale :math:`s = (v + \varepsilon)^{-1/2}`, :math:`v = \frac{1}{n} \sum_j c_j^2`. With
    :math:`\Delta` for differences and bars for means of the two cells:

    * the Shapley value of each factor of a product of two:
      :math:`\Delta y_i = \bar s \, \Delta c_i + \bar c_i \, \Delta s`;
    * from the scale to the variance by the rescale rule, which divides by nothing small here:
      :math:`\Delta s / \Delta v = -(s s_0)^2 / (s + s_0)`;
    * the variance is a sum over units: :math:`\Delta v = \frac{1}{n} \sum_j 2 \bar c_j \,
      \Delta c_j`;
    * centring is linear.

    All four are exact, so nothing of the difference is lost or counted twice. With both cells the
    same this is the derivative of a LayerNorm.
    """
    centred = (cell.centred + other.centred) / 2
    both = cell.scale + other.scale
    slope = -(cell.scale * other.scale).square() / both * (2 / centred.shape[1])
    by_scale = (multiplier * centred).sum(1, keepdim=True) * slope
    through = multiplier * (both / 2) + centred * by_scale
    return through - through.mean(1, keepdim=True)
