from __future__ import annotations

import re
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

import plkd
from plkd.errors import InputError, OutputExistsError
from plkd.keys import GENE_ACTIVITY_KEY
from toy_genome import (
    LENGTH,
    bed_text,
    coding,
    fragments_text,
    gff3_text,
    gtf_text,
    peak_matrix,
    slow_overlaps,
    toy_genes,
    toy_peaks,
    write,
)

GENES = toy_genes(1200)
PEAKS = toy_peaks(GENES, 400)
OVERLAP = slow_overlaps(PEAKS, coding(GENES))


@pytest.fixture
def adata() -> AnnData:
    return peak_matrix(PEAKS)


@pytest.fixture(scope="module")
def gtf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("genome") / "genes.gtf.gz", gtf_text(GENES))


@pytest.fixture
def path(adata: AnnData, tmp_path: Path) -> Path:
    adata.write_h5ad(tmp_path / "peaks.h5ad")
    return tmp_path / "peaks.h5ad"


def same(one: AnnData, other: AnnData) -> None:
    np.testing.assert_array_equal(one.X.toarray(), other.X.toarray())
    assert one.X.dtype == other.X.dtype == np.float32
    pd.testing.assert_frame_equal(one.var, other.var, check_index_type=False)
    pd.testing.assert_frame_equal(one.obs, other.obs, check_index_type=False)
    ours, theirs = one.uns[GENE_ACTIVITY_KEY], other.uns[GENE_ACTIVITY_KEY]
    assert {k: np.asarray(v).tolist() for k, v in ours.items()} == {
        k: np.asarray(v).tolist() for k, v in theirs.items()
    }


@pytest.mark.parametrize("sign", [":", "-", "_"])
def test_activity_is_the_sum_over_a_double_loop(adata: AnnData, gtf: Path, sign: str) -> None:
    before = peak_matrix(PEAKS, sign=sign)
    given = before.copy()
    found = plkd.pp.gene_activity(given, gtf, chunk_size=7)
    expected = before.X.toarray() @ OVERLAP
    assert expected.sum() > 1000
    np.testing.assert_array_equal(found.X.toarray(), expected)
    assert isinstance(found.X, sp.csr_matrix)
    assert found.X.dtype == np.float32
    assert found.X.has_sorted_indices
    assert list(found.var_names) == [gene.name for gene in coding(GENES)]
    assert found.var["n_peaks"].tolist() == OVERLAP.sum(0).tolist()
    pd.testing.assert_frame_equal(found.obs, before.obs)
    # the input is as it was
    assert given.var_names.equals(before.var_names)
    assert (given.X != before.X).nnz == 0
    assert not given.uns


def test_genes_are_described(adata: AnnData, gtf: Path) -> None:
    var = plkd.pp.gene_activity(adata, gtf).var
    gene = coding(GENES)[4]
    row = var.loc[gene.name]
    assert (row["chrom"], row["start"], row["end"]) == gene[1:4]
    assert (row["strand"], row["biotype"], row["n_places"]) == (gene.strand, "protein_coding", 1)
    assert row["gene_id"] == f"TOYG{GENES.index(gene):05d}.1"


def test_provenance(adata: AnnData, gtf: Path, tmp_path: Path) -> None:
    found = plkd.pp.gene_activity(adata, gtf, upstream=500, downstream=100)
    said = found.uns[GENE_ACTIVITY_KEY]
    assert (said["source"], said["annotation"]) == ("peaks", "genes.gtf.gz")
    assert (said["upstream"], said["downstream"]) == (500, 100)
    assert said["biotypes"].tolist() == ["protein_coding"]
    assert (said["n_regions"], said["n_cells"]) == (400, 30)
    expected = slow_overlaps(PEAKS, coding(GENES), 500, 100)
    assert said["n_regions_in_genes"] == expected.any(1).sum()
    assert said["n_genes_without_counts"] == int((found.X.toarray().sum(0) == 0).sum())
    assert said["n_cells_without_counts"] == 0
    assert said["chromosomes_respelt"] is False
    assert said["plkd_version"] == plkd.__version__
    found.write_h5ad(tmp_path / "a.h5ad")
    same(anndata.read_h5ad(tmp_path / "a.h5ad"), found)


def test_every_annotation_format_gives_the_same(adata: AnnData, gtf: Path, tmp_path: Path) -> None:
    ours = plkd.pp.gene_activity(adata, gtf)
    gff3 = plkd.pp.gene_activity(adata, write(tmp_path / "a.gff3", gff3_text(GENES)))
    bed = plkd.pp.gene_activity(adata, write(tmp_path / "a.bed", bed_text(coding(GENES))))
    read = plkd.pp.gene_activity(adata, plkd.pp.read_gene_annotation(gtf))
    for other in (gff3, bed, read):
        np.testing.assert_array_equal(other.X.toarray(), ours.X.toarray())
        assert other.var_names.equals(ours.var_names)


def test_places_of_cells_are_carried(adata: AnnData, gtf: Path, tmp_path: Path) -> None:
    adata.obsm["spatial"] = np.arange(60.0).reshape(30, 2)
    adata.obsm["scores"] = pd.DataFrame({"s": np.arange(30)}, index=adata.obs_names)
    adata.obsm["sparse"] = sp.csr_matrix(np.eye(30))
    adata.write_h5ad(tmp_path / "peaks.h5ad")
    found = plkd.pp.gene_activity(adata, gtf)
    some = plkd.pp.gene_activity(adata[5:9], gtf)
    plkd.pp.gene_activity_file(tmp_path / "peaks.h5ad", gtf, tmp_path / "out.h5ad")
    for each, rows in (
        (found, slice(None)),
        (some, slice(5, 9)),
        (anndata.read_h5ad(tmp_path / "out.h5ad"), slice(None)),
    ):
        np.testing.assert_array_equal(each.obsm["spatial"], adata.obsm["spatial"][rows])
        assert each.obsm["scores"]["s"].tolist() == list(range(30))[rows]
        assert each.obsm["sparse"].shape == (each.n_obs, 30)
    found.obsm["spatial"][0] = -1
    assert adata.obsm["spatial"][0, 0] == 0


def test_a_file_without_obsm_is_taken(path: Path, gtf: Path, tmp_path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["obsm"]
    plkd.pp.gene_activity_file(path, gtf, tmp_path / "out.h5ad")
    assert not anndata.read_h5ad(tmp_path / "out.h5ad").obsm


def test_chromosomes_named_otherwise_are_mended(adata: AnnData, tmp_path: Path) -> None:
    bare = [gene._replace(chromosome=gene.chromosome.removeprefix("chr")) for gene in GENES]
    found = plkd.pp.gene_activity(adata, write(tmp_path / "a.gtf", gtf_text(bare)))
    np.testing.assert_array_equal(found.X.toarray(), adata.X.toarray() @ OVERLAP)
    assert found.uns[GENE_ACTIVITY_KEY]["chromosomes_respelt"] is True


def test_accessions_of_ncbi_are_known_by_either_name(adata: AnnData, tmp_path: Path) -> None:
    accessions = {"chr1": "NC_000067.6", "chr2": "NC_000068.7", "chrX": "NC_000086.7"}
    head = "".join(
        f"{accession}\tRefSeq\tregion\t1\t{LENGTH}\t.\t+\t.\t"
        f"ID={accession};Name={name.removeprefix('chr')};genome=chromosome\n"
        for name, accession in accessions.items()
    )
    named = [gene._replace(chromosome=accessions[gene.chromosome]) for gene in GENES]
    gff3 = write(tmp_path / "a.gff3", "##gff-version 3\n" + head + gff3_text(named))
    expected = adata.X.toarray() @ OVERLAP
    other = peak_matrix([(accessions[c], start, end) for c, start, end in PEAKS])
    for each in (adata, other):
        found = plkd.pp.gene_activity(each, gff3)
        np.testing.assert_array_equal(found.X.toarray(), expected)
        assert found.uns[GENE_ACTIVITY_KEY]["chromosomes_respelt"] is True
        assert found.uns[GENE_ACTIVITY_KEY]["on_known_chromosomes"] == 1
        assert set(found.var["chrom"]) == {"1", "2", "X"}
    text, rows = fragments_text(named, ["A-1"], 800)
    fragments = plkd.pp.gene_activity(write(tmp_path / "f.tsv", text), gff3, barcodes=["A-1"])
    counts = slow_overlaps([row[:3] for row in rows], coding(named)).sum(0)
    np.testing.assert_array_equal(fragments.X.toarray()[0], counts)


def test_biotypes_and_upstream_are_heeded(adata: AnnData, gtf: Path) -> None:
    found = plkd.pp.gene_activity(adata, gtf, upstream=9000, downstream=300, biotypes=None)
    expected = adata.X.toarray() @ slow_overlaps(PEAKS, GENES, 9000, 300)
    np.testing.assert_array_equal(found.X.toarray(), expected)


def test_a_layer_is_taken_in_place_of_x(adata: AnnData, gtf: Path) -> None:
    adata.layers["counts"] = adata.X.copy()
    adata.X = adata.X.log1p()
    found = plkd.pp.gene_activity(adata, gtf, layer="counts")
    np.testing.assert_array_equal(found.X.toarray(), adata.layers["counts"].toarray() @ OVERLAP)


def test_dense_columnwise_and_backed_peaks_give_the_same(
    adata: AnnData, gtf: Path, path: Path
) -> None:
    expected = plkd.pp.gene_activity(adata, gtf).X.toarray()
    dense = AnnData(adata.X.toarray(), obs=adata.obs, var=adata.var)
    by_column = AnnData(adata.X.tocsc(), obs=adata.obs, var=adata.var)
    backed = anndata.read_h5ad(path, backed="r")
    for other in (dense, by_column, backed):
        np.testing.assert_array_equal(plkd.pp.gene_activity(other, gtf).X.toarray(), expected)
    backed.file.close()


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_size", [1, 7, 4096])
def test_file_to_file_gives_the_same(
    adata: AnnData, path: Path, gtf: Path, tmp_path: Path, chunk_size: int
) -> None:
    told: list[tuple[int, int]] = []
    summary = plkd.pp.gene_activity_file(
        path, gtf, tmp_path / "out.h5ad", chunk_size=chunk_size,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    found = anndata.read_h5ad(tmp_path / "out.h5ad")
    same(found, plkd.pp.gene_activity(adata, gtf))
    assert told[-1] == (30, 30)
    assert summary.n_regions_in_genes == int(OVERLAP.any(1).sum())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.h5ad", "peaks.h5ad"]


def test_a_modality_of_an_h5mu_file(adata: AnnData, gtf: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "both.h5mu", "w") as file:
        for name, each in (("rna", adata[:, :0].copy()), ("peaks", adata)):
            anndata.io.write_elem(file.require_group("mod"), name, each)
    out = tmp_path / "out.h5ad"
    plkd.pp.gene_activity_file(tmp_path / "both.h5mu", gtf, out, modality="peaks")
    same(anndata.read_h5ad(out), plkd.pp.gene_activity(adata, gtf))
    with pytest.raises(InputError, match=r"a modality 'atac' in .*; found 'peaks', 'rna'"):
        plkd.pp.gene_activity_file(tmp_path / "both.h5mu", gtf, out, overwrite=True)


def test_fragments_from_memory_and_file(gtf: Path, tmp_path: Path) -> None:
    barcodes = [f"AC{i}-1" for i in range(5)]
    text, rows = fragments_text(GENES, barcodes, 800)
    fragments = write(tmp_path / "f.tsv.gz", text)
    table = slow_overlaps([row[:3] for row in rows], coding(GENES))
    expected = [table[[row[3] == name for row in rows]].sum(0) for name in barcodes]
    found = plkd.pp.gene_activity(str(fragments), gtf, barcodes=barcodes)
    np.testing.assert_array_equal(found.X.toarray(), expected)
    assert list(found.obs_names) == barcodes
    assert found.obs["n_fragments"].sum() == 800
    assert "n_peaks" not in found.var
    said = found.uns[GENE_ACTIVITY_KEY]
    assert (said["source"], said["n_regions"]) == ("fragments", 800)
    assert said["n_regions_in_genes"] == table.any(1).sum()
    listed = write(tmp_path / "b.tsv", "\n".join(barcodes))
    summary = plkd.pp.gene_activity_file(fragments, gtf, tmp_path / "o.h5ad", barcodes=listed)
    same(anndata.read_h5ad(tmp_path / "o.h5ad"), found)
    assert summary.n_cells == 5


@pytest.mark.parametrize("check_build", [True, False])
def test_a_few_genes_that_the_sample_of_fragments_misses(tmp_path: Path, check_build: bool) -> None:
    starts = np.sort(np.random.default_rng(0).integers(1_000_000, LENGTH, 20_000))
    starts[[5, 4001, 16_003]] = 1000, 11_000, 21_000  # of four fragments the first is looked at
    rows = "".join(f"chr1\t{start}\t{start + 100}\tX-1\t1\n" for start in starts.tolist())
    bed = "".join(f"chr1\t{start}\t{start + 50}\tGENE{start}\n" for start in (1000, 11_000, 21_000))
    fragments, genes = write(tmp_path / "f.tsv", rows), write(tmp_path / "g.bed", bed)
    options = {"barcodes": ["X-1"], "upstream": 0, "check_build": check_build}
    found = plkd.pp.gene_activity(fragments, genes, **options)
    assert found.X.toarray().tolist() == [[1, 1, 1]]
    assert found.uns[GENE_ACTIVITY_KEY]["n_regions_in_genes"] == 3


def test_fragments_outside_of_few_genes_are_refused_and_can_be_forced(tmp_path: Path) -> None:
    fragments = write(tmp_path / "f.tsv", "chr1\t500\t600\tX-1\t1\n" * 7)
    bed = write(tmp_path / "g.bed", "chr1\t900\t950\tA\t0\t+\n")
    said = refusal(fragments, bed, barcodes=["X-1"], upstream=0)
    assert "0.0% of 7 fragments overlap a gene" in said
    assert "check_build=False" in said
    options = {"barcodes": ["X-1"], "upstream": 0, "check_build": False}
    assert plkd.pp.gene_activity(fragments, bed, **options).X.nnz == 0


def test_nothing_is_left_behind_on_an_error(path: Path, gtf: Path, tmp_path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["X/data"][-1] = -1
    with pytest.raises(InputError, match="1 negative value"):
        plkd.pp.gene_activity_file(path, gtf, tmp_path / "out.h5ad", chunk_size=5)
    assert [file.name for file in tmp_path.iterdir()] == ["peaks.h5ad"]


def test_an_output_that_exists_is_kept(path: Path, gtf: Path, tmp_path: Path) -> None:
    out = write(tmp_path / "out.h5ad", "mine")
    with pytest.raises(OutputExistsError):
        plkd.pp.gene_activity_file(path, gtf, out)
    assert out.read_text() == "mine"
    plkd.pp.gene_activity_file(path, gtf, out, overwrite=True)
    assert anndata.read_h5ad(out).n_obs == 30
    with pytest.raises(InputError, match="an output that is not the input"):
        plkd.pp.gene_activity_file(path, gtf, path, overwrite=True)


# --- refused ------------------------------------------------------------------------------------


def refusal(data: object, genes: Path, **options: object) -> str:
    with pytest.raises(InputError) as error:
        plkd.pp.gene_activity(data, genes, **options)
    return str(error.value)


def test_another_build_is_refused_and_can_be_forced(gtf: Path) -> None:
    peaks = toy_peaks(GENES, 900)
    plkd.pp.gene_activity(peak_matrix(peaks), gtf)
    shifted = peak_matrix([(c, s + 137_000, e + 137_000) for c, s, e in peaks])
    assert "another build or organism" in refusal(shifted, gtf)
    forced = plkd.pp.gene_activity(shifted, gtf, check_build=False)
    assert forced.uns[GENE_ACTIVITY_KEY]["crowding"] < 2


def test_values_that_are_no_counts_are_refused(adata: AnnData, gtf: Path) -> None:
    adata.X = adata.X * 0.5
    assert re.search(r"counts in X, whole numbers.*such as 0.5.*layer=", refusal(adata, gtf))


@pytest.mark.parametrize(
    ("value", "why"), [(-1.0, "1 negative value"), (np.nan, "1 NaN value"), (np.inf, "1 infinite")]
)
def test_negative_and_missing_values_are_refused(
    adata: AnnData, gtf: Path, value: float, why: str
) -> None:
    adata.X.data[3] = value
    assert why in refusal(adata, gtf)


def test_all_zero_peaks_are_refused(adata: AnnData, gtf: Path) -> None:
    adata.X = sp.csr_matrix(adata.shape, dtype=np.float32)
    assert "zero" in refusal(adata, gtf)


@pytest.mark.parametrize("part", [(slice(0), slice(None)), (slice(None), slice(0))])
def test_empty_peaks_are_refused(adata: AnnData, gtf: Path, part: tuple) -> None:
    assert "at least one cell and one gene" in refusal(adata[part].copy(), gtf)


def test_duplicated_cells_are_refused(adata: AnnData, gtf: Path, tmp_path: Path) -> None:
    adata.obs_names = [*adata.obs_names[:-1], adata.obs_names[0]]
    assert "1 duplicated barcode(s): 'CELL0000-1'" in refusal(adata, gtf)
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(InputError, match="1 duplicated barcode"):
        plkd.pp.gene_activity_file(tmp_path / "a.h5ad", gtf, tmp_path / "out.h5ad")


def test_arguments_of_other_data_are_refused(adata: AnnData, gtf: Path, tmp_path: Path) -> None:
    fragments = write(tmp_path / "f.tsv", "chr1\t1\t5\tA\n")
    assert "barcodes with fragments alone" in refusal(adata, gtf, barcodes=["A"])
    assert "min_fragments with fragments alone" in refusal(adata, gtf, min_fragments=5)
    assert "layer with peaks alone" in refusal(fragments, gtf, layer="counts")
    both = refusal(fragments, gtf, barcodes=["A"], min_fragments=5)
    assert "barcodes or min_fragments, not both" in both


def test_a_chunk_without_cells_is_refused(adata: AnnData, gtf: Path) -> None:
    assert "a chunk of at least one cell" in refusal(adata, gtf, chunk_size=0)


def test_an_h5ad_path_is_refused_in_memory(path: Path, gtf: Path) -> None:
    assert "or use gene_activity_file" in refusal(path, gtf)


def test_a_truncated_h5ad_is_refused(path: Path, gtf: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(InputError, match="a truncated or damaged one"):
        plkd.pp.gene_activity_file(path, gtf, tmp_path / "out.h5ad")
    assert not (tmp_path / "out.h5ad").exists()


def test_an_old_h5ad_is_refused(path: Path, gtf: Path, tmp_path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["obs"]
        file["obs"] = np.zeros(30, dtype=[("index", "S5")])
    with pytest.raises(InputError, match="an older one"):
        plkd.pp.gene_activity_file(path, gtf, tmp_path / "out.h5ad")


def test_categories_of_an_older_anndata_are_copied(path: Path, gtf: Path, tmp_path: Path) -> None:
    """anndata 0.7 kept them beside the columns, and a reference to them."""
    with h5py.File(path, "r+") as file:
        file["obs/old"] = np.arange(30, dtype=np.int8) % 2
        columns = [*np.asarray(file["obs"].attrs["column-order"], dtype=object), "old"]
        file["obs"].attrs["column-order"] = columns
        file["obs/__categories/old"] = np.array(["B", "T"], dtype=h5py.string_dtype())
        file["obs/__categories/old"].attrs["ordered"] = False
        file["obs/old"].attrs["categories"] = file["obs/__categories/old"].ref
        file["obs"].attrs["encoding-version"] = "0.1.0"
    plkd.pp.gene_activity_file(path, gtf, tmp_path / "out.h5ad")
    with h5py.File(tmp_path / "out.h5ad") as file:
        categories = file[file["obs/old"].attrs["categories"]]
        assert list(categories.asstr()) == ["B", "T"]


def test_the_annotation_is_not_overwritten(path: Path, gtf: Path) -> None:
    before = gtf.read_bytes()
    with pytest.raises(InputError, match="not the input"):
        plkd.pp.gene_activity_file(path, gtf, gtf, overwrite=True)
    assert gtf.read_bytes() == before
