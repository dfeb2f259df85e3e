"""Values of genes add up, agree with plain loops, and are Shapley values where those are known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from plkd.networks.attribution import (
    Activated,
    Normed,
    attributions,
    gelu_multiplier,
    gelu_slope,
    through_layer_norm,
    trace,
)
from plkd.networks.student import Student


def make_student(n_genes, n_types=3, *, hidden=(8, 6), dtype=torch.float64, seed=0):
    """A Student whose norms have weights of their own, as trained ones do."""
    torch.manual_seed(seed)
    student = Student(n_genes, n_types, hidden=hidden).eval()
    with torch.no_grad():
        for layer in student.layers:
            if isinstance(layer, nn.LayerNorm):
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.normal_(0, 0.3)
    return student.to(dtype)


def make_cells(n_cells, n_genes, *, dtype=torch.float64, seed=1):
    """Cells in which most genes are zero, as in log1p counts."""
    generator = torch.Generator().manual_seed(seed)
    values = 3 * torch.rand(n_cells, n_genes, generator=generator, dtype=dtype)
    return values * (torch.rand(n_cells, n_genes, generator=generator) < 0.3)


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("hidden", [(), (7,), (1,), (16, 8), (256, 128), (12, 10, 8)])
def test_values_add_up_to_the_difference_of_the_logits(hidden, dtype, most):
    student = make_student(40, 5, hidden=hidden, dtype=dtype)
    cells, others = make_cells(30, 40, dtype=dtype), make_cells(11, 40, dtype=dtype, seed=2)
    targets = torch.arange(30) % 5
    values, residual = attributions(student, cells, others, targets)
    assert values.dtype == residual.dtype == dtype
    logits, compared = student(cells).logits, student(others).logits.mean(0)
    wanted = logits[torch.arange(30), targets] - compared[targets]
    spread = float((logits.max() - logits.min()).detach())
    assert spread > 0.1
    torch.testing.assert_close(values.sum(1), wanted.detach(), rtol=0, atol=most * spread)
    assert float(residual.abs().max()) < most * spread
    torch.testing.assert_close(wanted.detach() - values.sum(1), residual, rtol=0, atol=most)


def plain_multipliers(student, cell, other, target):
    """The same for one pair of cells: every rule as a table of contributions, in numpy."""
    arrays = [p.detach().numpy() for p in student.parameters()]
    *hidden, (head, _) = [arrays[i : i + 2] for i in range(0, len(arrays), 2)]
    tables = []
    x, y = cell, other
    for (weight, bias), (gain, shift) in zip(hidden[::2], hidden[1::2], strict=True):
        tables.append(weight)
        x, y = weight @ x + bias, weight @ y + bias
        n = len(x)
        table = np.zeros((n, n))
        c, d = x - x.mean(), y - y.mean()
        v, w = (c**2).mean(), (d**2).mean()
        s, t = 1 / np.sqrt(v + 1e-5), 1 / np.sqrt(w + 1e-5)
        for i in range(n):
            for j in range(n):  # what unit j's centred input adds to output i
                by_scale = (c[i] + d[i]) / 2 * (s - t) / (v - w) * (c[j] + d[j]) / n
                table[i, j] = gain[i] * ((i == j) * (s + t) / 2 + by_scale)
        centre = np.eye(n) - 1 / n
        tables.append(table @ centre)
        x, y = gain * c * s + shift, gain * d * t + shift
        made_x, made_y = (
            np.array([u / 2 * (1 + math.erf(u / math.sqrt(2))) for u in z]) for z in (x, y)
        )
        tables.append(np.diag((made_x - made_y) / (x - y)))
        x, y = made_x, made_y
    row = head[target]
    for table in reversed(tables):
        row = row @ table
    return row


@pytest.mark.parametrize("hidden", [(), (5,), (8, 6), (6, 5, 4)])
def test_all_at_once_agrees_with_one_pair_after_the_other(hidden):
    student = make_student(12, hidden=hidden)
    cells, others = make_cells(7, 12), make_cells(5, 12, seed=2)
    targets = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    values = attributions(student, cells, others, targets).values
    for row, cell, target in zip(values, cells.numpy(), targets.tolist(), strict=True):
        pairs = [
            plain_multipliers(student, cell, other, target) * (cell - other)
            for other in others.numpy()
        ]
        np.testing.assert_allclose(row, np.mean(pairs, axis=0), rtol=0, atol=1e-12)


def test_profiles_beside_the_network_add_their_part():
    student = make_student(12)
    cells, others = make_cells(7, 12), make_cells(5, 12, seed=2)
    targets = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    plain = attributions(student, cells, others, targets).values
    student.profiles = torch.rand(3, 12, dtype=torch.float64)
    values, residual = attributions(student, cells, others, targets)
    for cell, target, before, after in zip(cells, targets, plain, values, strict=True):
        added = torch.stack([student.profiles[target] * (cell - other) for other in others])
        torch.testing.assert_close(after, before + added.mean(0))
    assert float(residual.abs().max()) < 1e-13


@torch.no_grad()
def shapley_values(student, target, cell, other):
    """Eq. (9) as it stands: every set of genes, with and without each gene."""

    def logit(x):
        return student(x[None]).logits[0, target]

    n = len(cell)
    values = torch.zeros(n, dtype=cell.dtype)
    for gene in range(n):
        for size in range(n):
            share = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for chosen in combinations([g for g in range(n) if g != gene], size):
                without = other.clone()
                without[list(chosen)] = cell[list(chosen)]
                with_gene = without.clone()
                with_gene[gene] = cell[gene]
                values[gene] += share * (logit(with_gene) - logit(without))
    return values


def test_they_are_shapley_values_where_the_network_is_linear():
    student = make_student(4, hidden=())
    cells, others = torch.rand(3, 4).double(), torch.rand(6, 4).double()
    values = attributions(student, cells, others, torch.tensor([2, 0, 1])).values
    for row, cell, target in zip(values, cells, (2, 0, 1), strict=True):
        exact = [shapley_values(student, target, cell, other) for other in others]
        torch.testing.assert_close(row, torch.stack(exact).mean(0))


def test_they_differ_from_shapley_values_in_third_order_only():
    """A gradient times the difference is wrong in second order: four times at twice the step."""
    student = make_student(4)
    other, step = torch.rand(4).double(), torch.randn(4).double()
    target = torch.tensor([1])
    errors = []
    for size in (0.04, 0.02, 0.01):
        cell = other + size * step
        values = attributions(student, cell[None], other[None], target).values[0]
        exact = shapley_values(student, 1, cell, other)
        errors.append(float((values - exact).abs().max()))
        assert errors[-1] < 0.01 * float(exact.abs().max())
    assert errors[0] / errors[1] > 6.5
    assert errors[1] / errors[2] > 6.5


def test_between_like_cells_multipliers_are_the_gradient():
    student = make_student(20, 3)
    cell = make_cells(1, 20)
    logit = student(cell.requires_grad_()).logits[0, 2]
    (gradient,) = torch.autograd.grad(logit, cell)
    moved = cell.detach() + 1e-9
    values = attributions(student, moved, cell.detach(), torch.tensor([2])).values
    torch.testing.assert_close(values / (moved - cell.detach()), gradient, rtol=1e-5, atol=1e-6)


def test_layer_norm_shares_each_product_as_two_players_would():
    """Against the Shapley values of centred part and scale, from both orders of their coming."""
    torch.manual_seed(0)
    norm = nn.LayerNorm(6, dtype=torch.float64).requires_grad_(False)
    cells = torch.randn(2, 6, dtype=torch.float64)
    (seen,) = trace([norm], cells)
    assert isinstance(seen, Normed)
    (centred, before), (scale, scale_before) = seen.centred, seen.scale[:, 0]
    moved, squares = centred - before, (centred.square() - before.square()) / 6
    made = norm(cells)
    for unit in range(6):
        one = torch.eye(6, dtype=torch.float64)[[unit]]
        multiplier = through_layer_norm(one, seen.of(0), seen.of(1))[0]
        added = multiplier * (cells[0] - cells[1])
        torch.testing.assert_close(added.sum(), made[0, unit] - made[1, unit])
        c, d = centred[unit], before[unit]
        by_centre = ((c - d) * scale_before + (c - d) * scale) / 2
        by_scale = (d * (scale - scale_before) + c * (scale - scale_before)) / 2
        expected = by_scale * squares / squares.sum() / moved
        expected[unit] += by_centre / moved[unit]
        torch.testing.assert_close(multiplier, expected - expected.mean())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gelu_rule_is_right_where_inputs_are_near(dtype):
    given = torch.tensor([[-3.0, -0.7, 0.0, 0.4, 2.5]], dtype=torch.float64)
    for apart in (0.0, 1e-8, 1e-5, 3e-3, 6e-3, 0.1, 4.0):
        exact = (nn.GELU()(given + apart) - nn.GELU()(given)) / apart if apart else None
        one, two = ((given + a).to(dtype) for a in (apart, 0.0))
        seen = [Activated(x, nn.GELU()(x), gelu_slope(x)) for x in (one, two)]
        multiplier = gelu_multiplier(*seen).double()
        assert multiplier.isfinite().all()
        wanted = gelu_slope(given + apart / 2) if apart < 1e-4 else exact
        most = 1e-8 if dtype == torch.float64 else 2e-4
        torch.testing.assert_close(multiplier, wanted, rtol=0, atol=most)


def test_the_slope_of_the_gelu_is_its_derivative():
    given = torch.linspace(-6, 6, 41, dtype=torch.float64)[None].requires_grad_()
    (slope,) = torch.autograd.grad(nn.GELU()(given).sum(), given)
    torch.testing.assert_close(gelu_slope(given).detach(), slope)


def test_a_cell_set_against_itself_has_no_values():
    student = make_student(15, dtype=torch.float32)
    cell = make_cells(1, 15, dtype=torch.float32)
    values, residual = attributions(student, cell, cell, torch.tensor([1]))
    assert float(values.abs().max()) < 1e-6
    assert float(residual.abs()) < 1e-6


def test_a_gene_that_is_alike_everywhere_has_no_value():
    student = make_student(15)
    cells, others = make_cells(4, 15), make_cells(3, 15, seed=2)
    cells[:, 3] = others[:, 3] = 0.0
    cells[:, 7] = others[:, 7] = 1.5
    values = attributions(student, cells, others, torch.tensor([0, 1, 2, 0])).values
    assert bool((values[:, 3] == 0).all())
    assert float(values[:, 7].abs().max()) < 1e-14


def test_values_of_a_cell_do_not_depend_on_the_other_cells():
    student = make_student(15)
    cells, others = make_cells(6, 15), make_cells(4, 15, seed=2)
    targets = torch.tensor([0, 1, 2, 2, 1, 0])
    together = attributions(student, cells, others, targets).values
    for number in range(6):
        one = slice(number, number + 1)
        alone = attributions(student, cells[one], others, targets[one]).values
        torch.testing.assert_close(alone, together[one], rtol=0, atol=1e-13)
    each = [attributions(student, cells, other[None], targets).values for other in others]
    torch.testing.assert_close(torch.stack(each).mean(0), together, rtol=0, atol=1e-13)


def test_a_gene_scale_that_is_not_absorbed_yet_counts():
    student = make_student(10)
    cells, others = make_cells(4, 10), make_cells(3, 10, seed=2)
    targets = torch.tensor([0, 1, 2, 0])
    student.gene_scale = torch.rand(10).double() + 0.5
    before, residual = attributions(student, cells, others, targets)
    assert float(residual.abs().max()) < 1e-13
    student.absorb_gene_scale()
    after = attributions(student, cells, others, targets).values
    torch.testing.assert_close(before, after, rtol=0, atol=1e-13)


def test_what_cannot_be_split_is_refused():
    student = make_student(10)
    cells, targets = make_cells(2, 10), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="no background"):
        attributions(student, cells, cells[:0], targets)
    with pytest.raises(ValueError, match="training mode"):
        attributions(student.train(), cells, cells, targets)
    student.eval()
    for layer in (nn.Softmax(dim=1), nn.GELU(approximate="tanh")):
        student.layers[2] = layer
        with pytest.raises(TypeError, match="no rule is known"):
            attributions(student, cells, cells, targets)
