"""Gene activity: what ATAC says of each gene, as counts that can be used like expression."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import scipy.sparse as sp

from plkd.data.atac.activity_results import Totals, gene_table
from plkd.data.atac.fragment_activity import count_cells
from plkd.data.atac.gene_annotation import GeneAnnotation
from plkd.data.atac.gene_regions import PROTEIN_CODING, GeneRegions, gene_regions
from plkd.data.atac.peak_activity import activity_chunks, peaks_of_genes, refuse_duplicated_cells
from plkd.data.h5ad_files import is_hdf5
from plkd.data.modalities import is_mudata, refuse_taken, take_modality, with_modality
from plkd.data.source import source_from_anndata
from plkd.errors import InputError
from plkd.keys import GENE_ACTIVITY_KEY

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

CHUNK_SIZE = 4096


def gene_activity(
    data: AnnData | MuData | str | Path,
    genes: GeneAnnotation | str | Path,
    *,
    upstream: int = 2000,
    downstream: int = 0,
    biotypes: Collection[str] | None = PROTEIN_CODING,
    layer: str | None = None,
    barcodes: str | Path | Iterable[str] | None = None,
    min_fragments: int | None = None,
    modality: str = "atac",
    key_added: str = "gene_activity",
    check_build: bool = True,
    chunk_size: int = CHUNK_SIZE,
) -> AnnData | MuData:
    """Give every cell of ATAC data a count for every gene: its peaks or fragments, added up.

    Parameters
    ----------
    data
        Peaks: an AnnData ``(n_cells, n_peaks)`` with counts and peaks named ``chr:start-end``,
        ``chr-start-end`` or ``chr_start_end`` (or with such columns in ``var``); or a MuData, of
        which ``modality`` is taken. Fragments: the path of a fragments file (chromosome, start,
        end, barcode; plain or gz, in any order). Not changed.
    genes
        Gene annotation of the same genome build: path of a GTF, GFF3 or BED file, or what
        :func:`read_gene_annotation` gave. Chromosomes may be named ``1`` in one and ``chr1`` in
        the other; of NCBI's GFF3 their accessions are known as well.
    upstream, downstream
        Bases before the first and behind the last base of a gene, in the direction it is read.
    biotypes
        Kinds of gene to take, where the annotation says them; None takes all. The default is that
        of Signac.
    layer
        Take ``layers[layer]`` of the peaks in place of ``X``.
    barcodes
        Of a fragments file: the cells, as names or as a file with one a line.
    min_fragments
        Of a fragments file without ``barcodes``: barcodes with so many fragments are cells (1,000).
    modality
        Of a MuData: the modality with the peaks.
    key_added
        Of a MuData: name of the new modality.
    check_build
        Refuse data of another genome build or organism than the annotation; see
        :mod:`plkd.data.atac.genome_build`.
    chunk_size
        Cells taken at a time.

    Returns
    -------
    A new AnnData ``(n_cells, n_genes)``; for a MuData a new MuData with this modality added, its
    other modalities being those of ``data`` (``var``, ``varm`` and ``varp`` of the whole are not
    carried). In it

    ``X`` : CSR float32
        Counts: raw, to be used as counts of expression are.
    ``obs``
        That of the peaks; of fragments ``n_fragments``, int.
    ``obsm``
        That of the peaks, places on a slice, say.
    ``var``
        Genes by name: ``chrom``, ``start``, ``end`` (0-based, half-open), ``strand``, ``gene_id``
        and ``biotype`` where known, ``n_places``, and ``n_peaks`` of peaks.
    ``uns['plkd_gene_activity']`` : dict
        Provenance.

    Raises
    ------
    InputError
        Peaks have no coordinates or no length, or stand twice; values are negative or no counts;
        a file is absent, damaged or has lines that cannot be read; the annotation has no genes, no
        genes of the biotypes, or genes without a strand; cells stand twice; no barcode is a cell;
        genes stand beside the peaks; an argument does not go with the data; the data are of another
        genome build; the package ncls is not installed (the extra ``atac``).

    Notes
    -----
    Section 4.3 of the paper, which takes Seurat's gene activity (Stuart et al. 2021, Signac): the
    sum of what lies in the gene body and 2 kb upstream, with the strand heeded.

    - A peak counts with all its counts for every gene that it overlaps by a base, as in Signac;
      Seurat 3 gave it to the nearest gene alone.
    - A fragment counts once for a gene that it overlaps by a base, wherever its ends lie, as in
      Signac. Cut sites are not counted, as Cell Ranger does, and the number of PCR duplicates is
      not used.
    - Coordinates of peaks and fragments are 0-based and half-open, as Cell Ranger writes them.
      Signac reads names of peaks as 1-based, which moves their first base by one.

    Deviations: Signac spans all that bears one gene id and leaves genes longer than 500 kb out;
    here one name on several places (the X and Y chromosome, say) stays one gene of several places,
    none of which is left out, and a peak counts once for it; and long genes stay.
    """
    regions = gene_regions(genes, upstream=upstream, downstream=downstream, biotypes=biotypes)
    if isinstance(data, str | Path):
        if is_hdf5(data):
            raise InputError(
                "an AnnData, a MuData or the path of a fragments file",
                f"the HDF5 file {data}",
                "read it with anndata.read_h5ad, or use gene_activity_file",
            )
        refuse_argument("layer", layer, "peaks")
        counted = count_cells(
            data, regions, barcodes=barcodes, min_fragments=min_fragments, check_build=check_build
        )
        return counted.as_anndata()
    refuse_argument("barcodes", barcodes, "fragments")
    refuse_argument("min_fragments", min_fragments, "fragments")
    if not is_mudata(data):
        return _from_peaks(data, regions, layer, check_build, chunk_size)
    peaks = take_modality(data, modality)
    refuse_taken(data, key_added, GENE_ACTIVITY_KEY)
    made = _from_peaks(peaks, regions, layer, check_build, chunk_size)
    return with_modality(data, key_added, made)


def refuse_argument(name: str, value: object, of: str) -> None:
    """Refuse an argument that does not go with the data.

    Raises
    ------
    InputError
        The argument was given.
    """
    if value is not None:
        raise InputError(f"{name} with {of} alone", f"{name} with other data", f"leave {name} out")


def _from_peaks(
    adata: Any, genes: GeneRegions, layer: str | None, check_build: bool, chunk_size: int
) -> AnnData:
    from anndata import AnnData

    source = source_from_anndata(adata, layer=layer)
    refuse_duplicated_cells(adata.obs_names)
    found = peaks_of_genes(adata.var, genes, check_build=check_build)
    totals = Totals(len(genes))
    chunks = list(totals.watch(activity_chunks(source, found.overlap, chunk_size=chunk_size)))
    return AnnData(
        X=sp.vstack(chunks, format="csr"),
        obs=adata.obs.copy(),
        obsm=adata.obsm.copy(),
        var=gene_table(genes, found.n_peaks),
        uns={GENE_ACTIVITY_KEY: found.summary(totals, genes).for_uns()},
    )
