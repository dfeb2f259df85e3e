"""The core of integration: embeddings of several inputs made into one joint embedding."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plkd.data.batches import batches_of
from plkd.errors import InputError
from plkd.model.annotator import CellAnnotator
from plkd.model.manifest import installed_version
from plkd.model.predict import Predictor
from plkd.model.query import Query, open_query
from plkd.tools.annotating import Answers, annotate_chunks, check_chunk_size
from plkd.tools.annotation_summary import AnnotationSummary, summarise
from plkd.tools.joint_blocks import Block, side_by_side
from plkd.tools.joint_inputs import JointInput, naming
from plkd.tools.joint_obs import paired_obs, stacked_obs
from plkd.tools.joint_options import (
    Joining,
    check_graph,
    model_of_each,
    structure_of,
    weight_of_each,
)

if TYPE_CHECKING:
    from anndata import AnnData


Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IntegrationSummary:
    """What an integration did, in plain numbers.

    Attributes
    ----------
    n_cells, n_no_counts
        Cells of the joint embedding, and those without a count in the model's genes.
    width
        Columns of the joint embedding.
    network
        "student" or "teacher".
    paired
        Whether the inputs are modalities of the same cells.
    aligned
        Whether the cells of a type were brought together across batches or layers.
    structure
        How much the principal axes of the reference count beside the model's embedding.
    layers
        Of each input: cells, what its values are, how its genes met the model's, which model; of
        paired ones also ``columns``, those of the embedding that are its own, and ``divided_by``,
        the spread that its block was divided by.
    batches
        Cells of each batch; empty without ``batch_key``.
    """

    n_cells: int
    n_no_counts: int
    width: int
    network: str
    paired: bool
    aligned: bool
    structure: float
    layers: dict[str, dict[str, Any]]
    batches: dict[str, int]
    plkd_version: str

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for JSON and for ``uns``."""
        return asdict(self)


def join(
    inputs: Sequence[JointInput],
    model: Any,
    how: Joining,
    *,
    progress: Progress | None = None,
) -> tuple[AnnData, IntegrationSummary]:
    """Embed the cells of the inputs and bring them into one new AnnData.

    Parameters
    ----------
    inputs
        What to join.
    model
        One model, or one for each input.
    how
        In what way.
    progress
        Told the cells done and the cells in all.

    Raises
    ------
    InputError
        As ``plkd.tl.integrate``.
    """
    from anndata import AnnData

    models = model_of_each(model, [each.name for each in inputs], paired=how.paired)
    weights, structure = weight_of_each(how, models), structure_of(how, models)
    obs, orders = _cells(inputs, how)
    check_graph(how, len(obs))
    batches = _batch_counts(inputs, obs, how)
    predictors = {id(each): Predictor(each, how.with_) for each in models}
    queries = []
    for each, own in zip(inputs, models, strict=True):
        with naming(each.name, len(inputs), modality=each.modality):
            queries.append(
                open_query(each.source, own, gene_key=how.gene_key, expression=how.expression)
            )
    embedded = []
    for each, query, own, told in zip(
        inputs, queries, models, _told_of_all(progress, queries), strict=True
    ):
        with naming(each.name, len(inputs), modality=each.modality):
            embedded.append(
                _embed(query, own, predictors[id(own)], how, told, with_axes=structure > 0)
            )
    layers = {
        each.name: _layer_facts(summary)
        for each, (_, summary) in zip(inputs, embedded, strict=True)
    }
    blocks = [block for block, _ in embedded]
    del embedded  # stacked cells are copied: not thrice
    if orders is None:
        blocks = [Block.stacked(blocks)]
    else:
        blocks = [each.ordered(order) for each, order in zip(blocks, orders, strict=True)]
    apart = _batches_to_align(obs, how) if how.align else None
    blocks = [each.aligned(apart) for each in blocks]
    parts = [each.structured(structure) for each in blocks]
    joint = side_by_side(parts, weights, list(layers.values())) if how.paired else parts[0]
    no_counts = np.any([each.no_counts for each in blocks], axis=0)
    obs[how.slots.no_counts] = no_counts
    summary = IntegrationSummary(
        n_cells=len(obs),
        n_no_counts=int(no_counts.sum()),
        width=joint.shape[1],
        network=how.with_,
        paired=how.paired,
        aligned=apart is not None,
        structure=structure,
        layers=layers,
        batches=batches,
        plkd_version=installed_version(),
    )
    adata = AnnData(
        obs=obs,
        obsm={how.slots.embedding: joint},
        uns={how.slots.provenance: _provenance(summary, how)},
    )
    if how.neighbors or how.umap:
        _add_graph(adata, how)
    return adata, summary


def _cells(
    inputs: Sequence[JointInput], how: Joining
) -> tuple[Any, list[NDArray[np.int64]] | None]:
    """Return the table of the joint cells and, of paired ones, where they stand in each input."""
    check_chunk_size(how.chunk_size)
    if how.paired:
        if len(inputs) < 2:
            raise InputError(
                "two paired inputs or more", f"one, {inputs[0].name!r}", "leave paired out"
            )
        return paired_obs(inputs)
    if len(inputs) > 1:
        return stacked_obs(inputs, how.slots.layer), None
    if how.batch_key is None:
        raise InputError(
            "several inputs, or one with a batch_key",
            f"one, {inputs[0].name!r}, without",
            "pass the column of obs with the batches: batch_key, --batch",
        )
    obs = stacked_obs(inputs, how.slots.layer)
    batches = batches_of(obs, how.batch_key, f"obs of {inputs[0].name!r}")
    obs[how.slots.layer] = batches.astype(str).astype("category")
    return obs, None


def _batch_counts(inputs: Sequence[JointInput], obs: Any, how: Joining) -> dict[str, int]:
    if how.batch_key is None:
        return {}
    if not how.paired:
        for each in inputs:
            batches_of(each.obs, how.batch_key, f"obs of {each.name!r}")
    counts = batches_of(obs, how.batch_key, "obs").astype(str).value_counts(sort=False)
    return {str(name): int(count) for name, count in counts.items()}


def _embed(
    query: Query,
    model: CellAnnotator,
    predictor: Predictor,
    how: Joining,
    progress: Progress | None,
    *,
    with_axes: bool,
) -> tuple[Block, AnnotationSummary]:
    """Return the cells of one input as its model embeds them, and what was done."""
    moved = how.align and not (how.paired and how.batch_key is None)
    answers = Answers.in_memory(
        query.source.n_cells, predictor, probabilities=moved, with_points=with_axes
    )
    annotate_chunks(query, predictor, answers, chunk_size=how.chunk_size, progress=progress)
    block = Block(answers.embedding, answers.no_counts, answers.probabilities, answers.points)
    return block, summarise(query, model, answers, how.with_)


def _batches_to_align(obs: Any, how: Joining) -> NDArray[np.integer] | None:
    """Return the code of each cell's layer and batch; ``None`` where there is one kind only."""
    keys = [] if how.paired else [how.slots.layer]
    keys += [] if how.batch_key is None else [how.batch_key]
    if not keys:
        return None
    codes = obs.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
    return codes if codes.max() > 0 else None


def _told_of_all(progress: Progress | None, queries: Sequence[Query]) -> list[Progress | None]:
    """Return, for each input, what is told its cells and tells on those of all inputs."""
    if progress is None:
        return [None] * len(queries)
    sizes = [query.source.n_cells for query in queries]

    def told_after(n_before: int) -> Progress:
        return lambda done, _: progress(n_before + done, sum(sizes))

    return [told_after(sum(sizes[:place])) for place in range(len(sizes))]


def _layer_facts(summary: AnnotationSummary) -> dict[str, Any]:
    facts = summary.as_uns()
    for said_once in ("network", "plkd_version"):
        del facts[said_once]
    return facts


def _provenance(summary: IntegrationSummary, how: Joining) -> dict[str, Any]:
    """Return the entry of ``uns``; batches may have names that no h5ad file takes as keys."""
    kept = summary.as_dict()
    del kept["batches"]
    return kept if how.batch_key is None else {**kept, "batch_key": how.batch_key}


def _add_graph(adata: AnnData, how: Joining) -> None:
    """Add scanpy's neighbours and, where asked for, its UMAP."""
    import scanpy as sc

    n_neighbors = min(how.n_neighbors, adata.n_obs - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of umap and numba, about themselves
        sc.pp.neighbors(
            adata, n_neighbors=n_neighbors, use_rep=how.slots.embedding, random_state=how.seed
        )
        if how.umap:
            start = "spectral" if adata.n_obs > 3 * n_neighbors else "random"
            sc.tl.umap(adata, init_pos=start, random_state=how.seed)
