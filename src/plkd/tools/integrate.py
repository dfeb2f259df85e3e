"""A joint embedding of batches or of modalities: AnnData in memory, or files of any width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from plkd.data.cell_files import cells_target, replace_cells_when_done, write_cells
from plkd.keys import DEFAULT_KEY, SlotNames
from plkd.model.annotator import CellAnnotator
from plkd.model.predict import Network
from plkd.tools.annotate import CHUNK_SIZE
from plkd.tools.joining import IntegrationSummary, join
from plkd.tools.joint_inputs import inputs_from_files, inputs_from_memory
from plkd.tools.joint_options import Joining, Layer, UseRaw

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

Models = CellAnnotator | Sequence[CellAnnotator] | Mapping[str, CellAnnotator]
N_NEIGHBORS = 15


def integrate(
    adatas: AnnData | MuData | Sequence[AnnData] | Mapping[str, AnnData],
    model: Models,
    *,
    names: Sequence[str] | None = None,
    modalities: Sequence[str] | None = None,
    batch_key: str | None = None,
    paired: bool = False,
    weights: Sequence[float] | None = None,
    with_: Network = "student",
    align: bool = True,
    structure: float | None = None,
    layer: Layer = None,
    use_raw: UseRaw = False,
    gene_key: str | None = None,
    expression: str | None = None,
    key_added: str = DEFAULT_KEY,
    neighbors: bool = False,
    umap: bool = False,
    n_neighbors: int = N_NEIGHBORS,
    seed: int = 0,
    chunk_size: int = CHUNK_SIZE,
) -> AnnData:
    """Bring several data sets, batches or modalities into one joint embedding, in a new AnnData.

    Parameters
    ----------
    adatas
        Several AnnData, in a list or in a dictionary from names; a MuData, whose ``modalities``
        are the inputs; or one AnnData with a ``batch_key``. Each is read as :func:`annotate` reads
        a query: counts or log1p counts per 10,000 of genes; ATAC data as gene activity. None is
        changed.
    model
        A fitted or loaded :class:`plkd.CellAnnotator`; for paired inputs also one for each, in a
        list or in a dictionary from the same names.
    names
        Names of the inputs of a list; the default is "0", "1", ..., as in ``anndata.concat``.
    modalities
        Of a MuData: which modalities are the inputs, in this order; the default is all. Those
        whose features are no genes (peaks, proteins) have to be left out.
    batch_key
        Column of ``obs`` with the batches. Needed for one AnnData; the batches are its layers
        then.
    paired
        The inputs are modalities of the same cells, with the same ``obs_names`` in any order, and
        each cell gets one place. Otherwise the cells of all inputs are stacked as layers.
    weights
        Of paired inputs: how much each counts. The default is how well its model named the cells
        that it held out (macro F1), or all alike where a model held none out.
    with_
        "student" (128 wide, fast) or "teacher" (48 wide, the paper's c_r).
    align
        Bring the cells of each type, as the model names them, to stand alike in all batches and
        layers. False leaves every cell where the model puts it, whatever other cells there are;
        so it is with paired inputs without a ``batch_key``.
    layer, use_raw
        Take ``layers[layer]`` or ``raw.X`` of every input in place of ``X``; or, in a dictionary
        from the names of some inputs, of these alone.
    gene_key
        Column of ``var`` with the gene names, in place of ``var_names``.
    expression
        "counts" or "log1p", where the values alone cannot tell.
    structure
        How much differences within types count: 20 principal axes of the reference, markers a
        little louder, stand beside the embedding, with so many times its spread. The default is 1
        for paired inputs, which differ in what they show within types, and 0, the model's
        embedding alone, for stacked ones, whose batches are to mix; also 0 where a model has no
        axes (format versions before 4, fewer than 200 cells held out).
    key_added
        Name of the written slots; see :mod:`plkd.keys`.
    neighbors, umap
        Add scanpy's neighbours, and its UMAP, of the joint embedding.
    n_neighbors
        Neighbours of a cell in that graph.
    seed
        Of neighbours and UMAP.
    chunk_size
        Cells taken at a time.

    Returns
    -------
    A new AnnData without ``X`` and genes:

    ``obsm['X_plkd']`` : float32
        Joint embedding, ``(n_cells, 128)`` of the Student, ``(n_cells, 48)`` of the Teacher, 20
        columns more with ``structure``; of paired inputs as many columns from each, in order.
    ``obs`` : data frame
        Columns of all inputs. Stacked: a column that an input lacks is missing there, and names
        that cells of several inputs bear get "-" and the input's name behind them. Paired: a
        column on which the inputs differ stands once for each, as "name:column".
    ``obs['plkd_layer']`` : categorical
        Input, or batch, of each cell; not of paired inputs.
    ``obs['plkd_no_counts']`` : bool
        Whether the cell has no count in any of the model's genes; of paired inputs, in one input
        at least.
    ``uns['plkd']`` : dict
        Provenance: of each input model, gene match, input contract.

    Raises
    ------
    InputError
        An input cannot be annotated (see :func:`annotate`); names, modalities, layers, models or
        weights do not fit the inputs; paired inputs differ in their cells; there is one input and
        no batch_key; a column is not there or a cell has no batch; a slot to be written holds
        something of the user's; too few cells for a UMAP.
    GeneMatchError
        Too few of a model's genes are in an input.
    NotFittedError
        A model has learned nothing yet.

    Notes
    -----
    Sections 2.1 and 3.2 of the paper: the embedding c_r of the Teacher, or the Student's last
    hidden layer; batches are aligned beyond the paper (:func:`plkd.tools.joint_alignment.aligned`).
    How paired blocks are made alike in spread is written at
    :func:`plkd.tools.joint_blocks.side_by_side`.
    """
    slots = SlotNames(key_added)
    how = Joining(
        paired=paired,
        with_=with_,
        align=align,
        structure=structure,
        batch_key=batch_key,
        weights=weights,
        gene_key=gene_key,
        expression=expression,
        slots=slots,
        neighbors=neighbors,
        umap=umap,
        n_neighbors=n_neighbors,
        seed=seed,
        chunk_size=chunk_size,
    )
    inputs = inputs_from_memory(
        adatas, names, modalities=modalities, layer=layer, use_raw=use_raw, slots=slots
    )
    joint, _ = join(inputs, model, how)
    return joint


def integrate_files(
    paths: str | Path | Sequence[str | Path],
    model: Models,
    out: str | Path,
    *,
    names: Sequence[str] | None = None,
    modalities: Sequence[str] | None = None,
    batch_key: str | None = None,
    paired: bool = False,
    weights: Sequence[float] | None = None,
    with_: Network = "student",
    align: bool = True,
    structure: float | None = None,
    layer: Layer = None,
    use_raw: UseRaw = False,
    gene_key: str | None = None,
    expression: str | None = None,
    key_added: str = DEFAULT_KEY,
    neighbors: bool = False,
    umap: bool = False,
    n_neighbors: int = N_NEIGHBORS,
    seed: int = 0,
    chunk_size: int = CHUNK_SIZE,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> IntegrationSummary:
    """Bring the cells of several files into one joint embedding, in a new file or store.

    Expression is read in chunks: memory grows with the cells, by the width of the embedding and
    their tables, and not with the genes. The output is written beside its place and renamed when
    complete; the inputs are only read.

    Parameters
    ----------
    paths
        The inputs, h5ad files or zarr stores; or one h5mu, whose modalities are the inputs.
    out
        The new h5ad file, or zarr store where it is named ``.zarr``.
    names
        Names of the inputs; the default is the name of each file without its suffix, or that of
        the modality.
    modalities
        Of an h5mu: which modalities are the inputs, in this order; the default is all.
    overwrite
        Replace ``out`` where it exists.
    progress
        Told the cells done and the cells in all.

    Returns
    -------
    What was done, in plain numbers.

    Raises
    ------
    InputError
        As :func:`integrate`; an input is absent, damaged, or neither h5ad nor zarr; ``out`` is an
        input.
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    """
    slots = SlotNames(key_added)
    how = Joining(
        paired=paired,
        with_=with_,
        align=align,
        structure=structure,
        batch_key=batch_key,
        weights=weights,
        gene_key=gene_key,
        expression=expression,
        slots=slots,
        neighbors=neighbors,
        umap=umap,
        n_neighbors=n_neighbors,
        seed=seed,
        chunk_size=chunk_size,
    )
    out = cells_target(out)
    files = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    with (
        replace_cells_when_done(out, overwrite=overwrite, source=files) as partial,
        inputs_from_files(
            files, names, modalities=modalities, layer=layer, use_raw=use_raw, slots=slots
        ) as inputs,
    ):
        joint, summary = join(inputs, model, how, progress=progress)
        write_cells(joint, partial)
    return summary
