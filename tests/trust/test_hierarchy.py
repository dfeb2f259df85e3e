from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd.errors import InputError
from plkd.trust.hierarchy import Hierarchy, build_hierarchy, node_lineages
from plkd.trust.parent_map import ParentMap

TYPES = ("CD4", "CD8", "B", "Mono", "odd")
PAIRS = [
    ("CD4", "T"),
    ("CD8", "T"),
    ("T", "lymphoid"),
    ("B", "lymphoid"),
    ("lymphoid", "immune"),
    ("Mono", "myeloid"),
    ("myeloid", "immune"),
    ("neuron", "neural"),
]


def names_of(found: Hierarchy, probabilities: list[list[float]], **options: float) -> list[str]:
    codes, _ = found.deepest(np.array(probabilities), **options)
    return [found.names[code] for code in codes]


@pytest.fixture
def blood() -> Hierarchy:
    return build_hierarchy(ParentMap.of(PAIRS), TYPES)


def test_unsure_cells_take_what_is_above_their_types(blood: Hierarchy) -> None:
    cells = [
        [0.90, 0.05, 0.05, 0.00, 0.00],
        [0.50, 0.40, 0.10, 0.00, 0.00],
        [0.40, 0.30, 0.20, 0.10, 0.00],
        [0.30, 0.20, 0.10, 0.40, 0.00],
        [0.20, 0.10, 0.10, 0.10, 0.50],
        [0.05, 0.05, 0.05, 0.00, 0.85],
    ]
    assert names_of(blood, cells) == ["CD4", "T", "lymphoid", "immune", "unknown", "odd"]
    _, confidence = blood.deepest(np.array(cells))
    assert confidence.dtype == np.float32
    np.testing.assert_allclose(confidence, [0.9, 0.9, 0.9, 1.0, 1.0, 0.85], rtol=1e-6)
    assert names_of(blood, cells, min_confidence=0.95)[:3] == ["T", "lymphoid", "immune"]


def test_a_sum_that_reaches_the_confidence_but_for_rounding_counts(blood: Hierarchy) -> None:
    shares = np.array([[0.3, 0.3, 0.2, 0.2, 0.0]], dtype=np.float32)
    assert names_of(blood, shares.tolist(), min_confidence=1.0) == ["immune"]
    assert names_of(blood, shares.tolist(), min_confidence=0.8) == ["lymphoid"]


def test_nodes_and_depth(blood: Hierarchy) -> None:
    assert blood.names[0] == "unknown"
    assert set(blood.names[1:]) == {*TYPES, "T", "lymphoid", "immune", "myeloid"}
    depth = dict(zip(blood.names, blood.depth.tolist(), strict=True))
    assert depth == {
        "unknown": 0, "immune": 1, "odd": 1, "lymphoid": 2, "myeloid": 2,
        "T": 3, "B": 3, "Mono": 3, "CD4": 4, "CD8": 4,
    }  # fmt: skip
    beneath = dict(zip(blood.names, blood.beneath, strict=True))
    assert beneath["immune"].tolist() == [True, True, True, True, False]
    assert beneath["unknown"].all()
    assert blood.unplaced == ("odd",)


def slow_deepest(
    parents: dict[str, list[str]], types: list[str], cell: np.ndarray, least: float
) -> tuple[str, float]:
    """Walk up from every type, add up, and take the node with fewest types, then the deepest."""

    def lineage(name: str) -> set[str]:
        return {name}.union(*(lineage(parent) for parent in parents.get(name, [])))

    def steps(name: str) -> int:
        return 1 + max((steps(parent) for parent in parents.get(name, [])), default=0)

    best = ("unknown", 1.0)
    key = (len(types) + 1.0, 0.0, 0.0)
    for node in set().union(*(lineage(name) for name in types)):
        inside = [i for i, name in enumerate(types) if node in lineage(name)]
        total = float(cell[inside].sum())
        if total >= least and (len(inside), -steps(node), -total) < key:
            key, best = (len(inside), -steps(node), -total), (node, total)
    return best


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6), st.sampled_from([0.25, 0.5, 0.75]), st.booleans())
def test_deepest_is_what_walking_up_finds(seed: int, least: float, tree: bool) -> None:
    rng = np.random.default_rng(seed)
    nodes = [f"n{i}" for i in range(9)]
    parents = {
        node: [str(p) for p in rng.choice(nodes[:i], min(i, 1 if tree else 2), replace=False)]
        for i, node in enumerate(nodes)
        if i and rng.random() < 0.8
    }
    types = [str(t) for t in rng.choice(nodes, 5, replace=False)]
    pairs = [(c, p) for c, above in parents.items() for p in above] + [(n, "") for n in nodes]
    built = build_hierarchy(ParentMap.of(pairs), types)
    cells = rng.dirichlet(np.full(5, 0.6), 8)
    codes, confidence = built.deepest(cells, min_confidence=least)
    for cell, code, sure in zip(cells, codes, confidence, strict=True):
        name, total = slow_deepest(parents, types, cell, least)
        assert sure == pytest.approx(total, abs=1e-5)
        inside = dict(zip(built.names, built.beneath.sum(axis=1), strict=True))
        assert inside[name] == inside[built.names[code]]
        if tree and least > 0.5:
            assert built.names[code] == name


def test_a_type_above_another_is_a_node_as_well() -> None:
    built = build_hierarchy(ParentMap.of([("CD4", "T"), ("T", "cell")]), ["T", "CD4"])
    assert names_of(built, [[0.5, 0.5], [0.1, 0.9], [0.9, 0.1]]) == ["T", "CD4", "T"]


def test_below_one_half_the_more_probable_of_two_counts(blood: Hierarchy) -> None:
    assert names_of(blood, [[0.35, 0.0, 0.45, 0.2, 0.0]], min_confidence=0.3) == ["CD4"]
    flat = build_hierarchy(ParentMap.of([("a", ""), ("b", "")]), ["a", "b"])
    assert names_of(flat, [[0.4, 0.6], [0.6, 0.4]], min_confidence=0.3) == ["b", "a"]


def test_probabilities_that_leave_something_over_stay_at_the_top(blood: Hierarchy) -> None:
    codes, confidence = blood.deepest(np.full((1, 5), 0.1))
    assert codes.tolist() == [0]
    assert confidence[0] == pytest.approx(0.5)
    assert blood.deepest(np.zeros((0, 5)))[0].shape == (0,)


ONTOLOGY = ParentMap.of(
    [("CL:1", ""), ("CL:2", "CL:1"), ("CL:3", "CL:2"), ("CL:4", "CL:2"), ("CL:5", "CL:1")],
    names={"CL:1": "cell", "CL:2": "T cell", "CL:3": "CD4 T cell", "CL:4": "CD8 T cell",
           "CL:5": "B cell"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["CL:3", "CL:4", "CL:5"], ["CL:3", "CL:2", "CL:1"]),
        (["CD4 T cell", "CD8 T cell", "B cell"], ["CD4 T cell", "T cell", "cell"]),
        (["cd4 T Cell", "CD8 T cell", "B CELL"], ["cd4 T Cell", "T cell", "cell"]),
        (["CL:3", "CD8 T cell", "cl:5"], ["CL:3", "T cell", "cell"]),
    ],
)
def test_types_are_found_by_identifier_or_name(types: list[str], expected: list[str]) -> None:
    built = build_hierarchy(ONTOLOGY, types)
    assert built.unplaced == ()
    cells = [[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.4, 0.3, 0.3]]
    assert names_of(built, cells, min_confidence=0.85) == expected


def test_case_tells_apart_where_the_map_does() -> None:
    built = build_hierarchy(ParentMap.of([("th", "x"), ("TH", "y")]), ["TH", "th"])
    assert names_of(built, [[1, 0], [0, 1]]) == ["TH", "th"]
    assert build_hierarchy(ParentMap.of([("th", "x"), ("b", "x")]), ["th", "TH"]).unplaced == (
        "TH",
    )


def test_two_nodes_of_one_name_are_called_by_both() -> None:
    twice = ParentMap.of([("CL:2", "CL:1"), ("CL:3", "CL:1")], names={"CL:1": "B", "CL:3": "B"})
    built = build_hierarchy(twice, ["CL:2", "B"])
    assert len(set(built.names)) == len(built.names)
    assert "B (CL:1)" in built.names


def test_a_type_may_be_called_unknown() -> None:
    built = build_hierarchy(ParentMap.of([("a", "b")]), ["a", "unknown"])
    assert built.names.count("unknown") == 2
    assert names_of(built, [[0.1, 0.9]]) == ["unknown"]


def test_lineages_leave_out_what_is_above_everything() -> None:
    found = node_lineages(ParentMap.of(PAIRS), [*TYPES, "neuron", "unknown"])
    assert found["CD4"] == {"CD4", "T", "lymphoid", "immune"}
    assert "odd" not in found
    assert found["neuron"] == {"neuron", "neural"}
    assert found["unknown"] == frozenset()
    names = ["CL:3", "cd8 t cell", "T cell", "cell", "unknown"]
    found = node_lineages(ONTOLOGY, names)
    t_cell = next(node for node, name in ONTOLOGY.names.items() if name == "T cell")
    assert found["T cell"] == {t_cell}
    assert found["CL:3"] == {"CL:3", t_cell}
    assert len(found["cd8 t cell"]) == 2
    assert found["cell"] == frozenset()
    assert node_lineages(ONTOLOGY, [f"T cell ({t_cell})"]) == {
        f"T cell ({t_cell})": {t_cell},
        "unknown": frozenset(),
    }


def test_a_root_tells_something_where_the_map_lacks_a_name() -> None:
    lymphoid = ParentMap.of([("T", "lymphoid"), ("B", "lymphoid")])
    assert node_lineages(lymphoid, ["T", "B"])["T"] == {"T"}
    assert node_lineages(lymphoid, ["T", "B", "Mono"])["T"] == {"T", "lymphoid"}


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (["x", "y"], "none of 'x', 'y' among"),
        (["CL:3", "CD4 T cell"], "'CL:3' and 'CD4 T cell' for 'CL:3'"),
        (["CD8 t cell", "CD8 T CELL"], "'CD8 t cell' and 'CD8 T CELL' for 'CL:4'"),
    ],
)
def test_types_that_do_not_fit_are_refused(types: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_hierarchy(ONTOLOGY, types)


def test_bad_arguments_are_refused(blood: Hierarchy) -> None:
    with pytest.raises(InputError, match=r"5 types.*shape \(2, 3\)"):
        blood.deepest(np.ones((2, 3)))
    for wrong in (0.0, 1.1, -1, np.nan):
        with pytest.raises(InputError, match="min_confidence above 0"):
            blood.deepest(np.ones((2, 5)) / 5, min_confidence=wrong)
