"""Gene activity on real cells: SNARE-seq of the mouse cortex, whose gene activity others made."""

from __future__ import annotations

import os
from pathlib import Path

import anndata
import numpy as np
import pytest

import plkd
from plkd.data.atac.regions import peak_regions
from plkd.errors import InputError

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def mm10() -> Path:
    """Genes of mm10; no data set brings them."""
    given = os.environ.get("PLKD_MM10_GENES")
    if not given:
        pytest.skip("needs genes of mm10: set PLKD_MM10_GENES to a GTF, GFF3 or BED file of them")
    return Path(given)


def test_all_names_of_peaks_are_read(data_dir: Path) -> None:
    for name, build in (("snareseq_cortex_atac_regions", 195), ("bmmc_multiome_draw1_atac", 248)):
        var = anndata.read_h5ad(data_dir / f"{name}.h5ad", backed="r").var
        peaks = peak_regions(var)
        assert len(peaks) == len(var)
        first = peaks.chromosomes.index("chr1")
        of_first = peaks.end[peaks.code == first]
        assert 0 < of_first.max() < (build + 1) * 1_000_000  # the length of chromosome 1
        again = [text.replace(":", "-") for text in peaks.names(range(5))]
        assert again == [text.replace("_", "-") for text in var.index[:5]]


def test_activity_is_what_others_made_of_the_same_cells(data_dir: Path, mm10: Path) -> None:
    peaks = anndata.read_h5ad(data_dir / "snareseq_cortex_atac_regions.h5ad")
    theirs = anndata.read_h5ad(data_dir / "snareseq_cortex_atac_gene_activity.h5ad")
    ours = plkd.pp.gene_activity(peaks, mm10)
    assert list(ours.obs_names) == list(theirs.obs_names)
    genes = theirs.var_names.intersection(ours.var_names)
    assert len(genes) > 0.95 * theirs.n_vars
    one, other = ours[:, genes].X, theirs[:, genes].X
    totals = [np.asarray(matrix.sum(0)).ravel() for matrix in (one, other)]
    assert np.corrcoef(*totals)[0, 1] > 0.95
    alike = np.asarray(abs(one - other).sum(0)).ravel() == 0
    assert alike.mean() > 0.85  # most genes to the last count; annotations differ in some
    assert np.corrcoef(one.toarray().ravel(), other.toarray().ravel())[0, 1] > 0.95


def test_peaks_moved_as_another_build_moves_them_are_refused(data_dir: Path, mm10: Path) -> None:
    peaks = anndata.read_h5ad(data_dir / "snareseq_cortex_atac_regions.h5ad")
    said = plkd.pp.gene_activity(peaks, mm10).uns["plkd_gene_activity"]
    assert said["crowding"] > 3
    regions = peak_regions(peaks.var)
    names = [regions.chromosomes[code] for code in regions.code]
    moved = zip(names, regions.start + 60_000, regions.end + 60_000, strict=True)
    peaks.var_names = [f"{name}:{start}-{end}" for name, start, end in moved]
    with pytest.raises(InputError, match="another build or organism"):
        plkd.pp.gene_activity(peaks, mm10)
