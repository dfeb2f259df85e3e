"""Gene activity from file to file, in memory that does not grow with the cells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plkd.data.atac.activity import CHUNK_SIZE, refuse_argument
from plkd.data.atac.activity_results import GeneActivitySummary, Totals, gene_table
from plkd.data.atac.fragment_activity import count_cells
from plkd.data.atac.gene_annotation import GeneAnnotation
from plkd.data.atac.gene_regions import PROTEIN_CODING, GeneRegions, gene_regions
from plkd.data.atac.peak_activity import activity_chunks, peaks_of_genes, refuse_duplicated_cells
from plkd.data.atac.written_rows import write_rows, write_uns
from plkd.data.cell_files import (
    cells_target,
    is_cells,
    open_cells,
    replace_cells_when_done,
    where_stored,
    write_cells,
)
from plkd.data.gene_names import examples
from plkd.data.source import source_from_file
from plkd.errors import InputError
from plkd.keys import GENE_ACTIVITY_KEY
from plkd.outputs import refuse_existing

Progress = Callable[[int, int], None]


def gene_activity_file(
    path: str | Path,
    genes: GeneAnnotation | str | Path,
    out: str | Path,
    *,
    upstream: int = 2000,
    downstream: int = 0,
    biotypes: Collection[str] | None = PROTEIN_CODING,
    layer: str | None = None,
    barcodes: str | Path | Iterable[str] | None = None,
    min_fragments: int | None = None,
    modality: str = "atac",
    check_build: bool = True,
    chunk_size: int = CHUNK_SIZE,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> GeneActivitySummary:
    """Write the gene activity of a file of peaks or fragments into a new file or store.

    It is written beside its place and renamed when complete; the input is only read. Of peaks
    memory grows with ``chunk_size``, of fragments with the result.

    Parameters
    ----------
    path
        Peaks as h5ad file or zarr store, or h5mu, of which ``modality`` is taken; or a fragments
        file.
    genes, upstream, downstream, biotypes, layer, barcodes, min_fragments, check_build, chunk_size
        As for :func:`gene_activity`.
    modality
        Of an h5mu file: the modality with the peaks.
    out
        The new h5ad file, or zarr store where it is named ``.zarr``.
    overwrite
        Replace ``out`` where it exists.
    progress
        Told what is done and how much there is in all: cells of peaks, megabytes of
        fragments.

    Returns
    -------
    What was done, in plain values.

    Raises
    ------
    InputError
        As :func:`gene_activity`.
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    """
    path, out = Path(path), cells_target(out)
    given = [path, *(Path(each) for each in (genes, barcodes) if isinstance(each, str | Path))]
    refuse_existing(out, overwrite=overwrite)  # before the minutes, not after them
    regions = gene_regions(genes, upstream=upstream, downstream=downstream, biotypes=biotypes)
    if is_cells(path):
        refuse_argument("barcodes", barcodes, "fragments")
        refuse_argument("min_fragments", min_fragments, "fragments")
        with (
            _peaks(path, modality) as peaks,
            replace_cells_when_done(out, overwrite=overwrite, source=given) as partial,
        ):
            return _write_peaks(
                peaks, regions, partial, layer, check_build, chunk_size, progress=progress
            )
    refuse_argument("layer", layer, "peaks")
    with replace_cells_when_done(out, overwrite=overwrite, source=given) as partial:
        counted = count_cells(
            path,
            regions,
            barcodes=barcodes,
            min_fragments=min_fragments,
            check_build=check_build,
            progress=progress,
        )
        write_cells(counted.as_anndata(), partial)
    return counted.summary


@contextmanager
def _peaks(path: Path, modality: str) -> Iterator[Any]:
    """Open cells x peaks: an h5ad file or a zarr store itself, one modality of an h5mu file."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            names = list(file["mod"]) if "mod" in file else None
    except OSError:  # a store, or open_cells says why
        names = None
    if names is None:
        with open_cells(path) as cells:
            yield cells
        return
    if modality not in names:
        raise InputError(
            f"a modality {modality!r} in {path}",
            f"{examples(names)}",
            "name the one with the peaks: modality=..., --modality",
        )
    with h5py.File(path, "r") as file:
        yield file["mod"][modality]


def _write_peaks(
    peaks: Any,
    genes: GeneRegions,
    out: Path,
    layer: str | None,
    check_build: bool,
    chunk_size: int,
    *,
    progress: Progress | None,
) -> GeneActivitySummary:
    from anndata.io import read_elem

    source = source_from_file(peaks, layer=layer)
    obs = peaks["obs"]
    if "_index" not in obs.attrs:
        raise InputError(
            "an h5ad file written by anndata 0.7 or later",
            f"an older one, {where_stored(peaks)}",
            "read it with anndata.read_h5ad and write it again",
        )
    refuse_duplicated_cells(read_elem(obs[obs.attrs["_index"]]))
    found = peaks_of_genes(read_elem(peaks["var"]), genes, check_build=check_build)
    totals = Totals(len(genes))
    chunks = activity_chunks(source, found.overlap, chunk_size=chunk_size, progress=progress)
    write_rows(out, totals.watch(chunks), given=peaks, var=gene_table(genes, found.n_peaks))
    summary = found.summary(totals, genes)
    write_uns(out, GENE_ACTIVITY_KEY, summary.for_uns())
    return summary
