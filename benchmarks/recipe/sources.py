"""Where the paper's data sets are published, and what each is known to hold.

An address, a size or a checksum stands here only where a public page or a published program gives
it. A file without a checksum is taken as it comes the first time, looked into, and held to its
SHA-256 from then on (:mod:`recipe.download`).
"""

from __future__ import annotations

from dataclasses import dataclass

GEO = "https://ftp.ncbi.nlm.nih.gov/geo/series"
DLPFC_COUNTS = "https://spatial-dlpfc.s3.us-east-2.amazonaws.com/h5"
DLPFC_LAYERS = "https://raw.githubusercontent.com/LieberInstitute/HumanPilot/master/10X"
MULTIOME_10X = "https://cf.10xgenomics.com/samples/cell-arc/1.0.0/pbmc_granulocyte_sorted_10k"

CANCERS = ("ESCA", "KIDNEY", "LYM", "MYE", "OV-FTC", "PAAD", "THCA", "UCEC")
SLICES = (
    *("151507", "151508", "151509", "151510"),  # donor Br5292
    *("151669", "151670", "151671", "151672"),  # donor Br5595
    *("151673", "151674", "151675", "151676"),  # donor Br8100
)
LAYER_MAP = "barcode_level_layer_map.tsv"


@dataclass(frozen=True)
class RemoteFile:
    """One file to download.

    Parameters
    ----------
    name
        Its name in the downloads folder and on a mirror.
    url
        Its address at the source.
    checksum
        ``sha256:...`` or ``md5:...`` where the publisher or a published program gives it.
    size
        Bytes, where known.
    """

    name: str
    url: str
    checksum: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Expected:
    """Smallest and largest number of cells, genes and types that are right, both included."""

    cells: tuple[int, int]
    genes: tuple[int, int]
    types: tuple[int, int]


@dataclass(frozen=True)
class Source:
    """A published data set: its files, its citation and terms, and what must be found in it."""

    name: str
    title: str
    files: tuple[RemoteFile, ...]
    citation: str
    terms: str
    expected: Expected


BMMC = Source(
    name="bmmc",
    title="bone marrow, 10x multiome, RNA part (NeurIPS 2021 competition)",
    files=(
        RemoteFile(
            "GSE194122_openproblems_neurips2021_multiome_BMMC_processed.h5ad.gz",
            f"{GEO}/GSE194nnn/GSE194122/suppl/"
            "GSE194122_openproblems_neurips2021_multiome_BMMC_processed.h5ad.gz",
        ),
    ),
    citation="Luecken et al., NeurIPS Datasets and Benchmarks 2021; GEO GSE194122",
    terms="GEO states no licence of its own; see the series page",
    expected=Expected(cells=(69_249, 69_249), genes=(13_431, 13_431), types=(22, 22)),
)

# Bounds: the tumour cells of PAAD, THCA and UCEC alone are more than 11,000, the paper's 13 cancers
# are 71,113 cells; PAAD holds 14,140 genes, so the genes of all eight files are not more.
PAN_CANCER = Source(
    name="pan_cancer",
    title="tumour-infiltrating myeloid cells, the eight cancers of GSE154763",
    files=tuple(
        RemoteFile(name, f"{GEO}/GSE154nnn/GSE154763/suppl/{name}")
        for cancer in CANCERS
        for name in (
            f"GSE154763_{cancer}_metadata.csv.gz",
            f"GSE154763_{cancer}_normalized_expression.csv.gz",
        )
    ),
    citation="Cheng et al., Cell 2021, 184, 792-809; GEO GSE154763",
    terms="GEO states no licence of its own; see the series page",
    expected=Expected(cells=(11_000, 71_113), genes=(5_000, 14_140), types=(12, 60)),
)

# The layer map has 47,329 lines of 29 bytes: as many labelled spots as the paper counts.
DLPFC = Source(
    name="dlpfc",
    title="dorsolateral prefrontal cortex, Visium, 12 slices of 3 donors",
    files=(
        RemoteFile(LAYER_MAP, f"{DLPFC_LAYERS}/{LAYER_MAP}", size=1_372_541),
        *(
            RemoteFile(
                f"{number}_filtered_feature_bc_matrix.h5",
                f"{DLPFC_COUNTS}/{number}_filtered_feature_bc_matrix.h5",
            )
            for number in SLICES
        ),
        *(
            RemoteFile(
                f"{number}_tissue_positions_list.txt",
                f"{DLPFC_LAYERS}/{number}/tissue_positions_list.txt",
            )
            for number in SLICES
        ),
    ),
    citation="Maynard et al., Nature Neuroscience 2021, 24, 425-436",
    terms="free to download; no licence of the data is known to us, ask the authors",
    expected=Expected(cells=(47_000, 47_681), genes=(33_538, 33_538), types=(7, 7)),
)

PBMC = Source(
    name="pbmc",
    title="PBMC, 10x multiome, RNA part, with the 19 types of the GLUE study",
    files=(
        RemoteFile(
            "10x-Multiome-Pbmc10k-RNA.h5ad",
            "https://exampledata.scverse.org/snapatac2/10x-Multiome-Pbmc10k-RNA.h5ad",
            checksum="sha256:a25327acff48b20b295c12221a84fd00f8f3f486ff3e7bd090fdef241b996a22",
            size=45_486_209,
        ),
    ),
    citation="10x Genomics, PBMC granulocyte sorted 10k; types: Cao & Gao, Nat. Biotechnol. 2022",
    terms="10x Genomics publishes the counts under CC BY 4.0",
    expected=Expected(cells=(9_631, 9_631), genes=(29_095, 29_095), types=(19, 19)),
)

PBMC_10X = Source(
    name="pbmc",
    title="PBMC, 10x multiome, RNA part, with types from a file of your own",
    files=(
        RemoteFile(
            "pbmc_granulocyte_sorted_10k_filtered_feature_bc_matrix.h5",
            f"{MULTIOME_10X}/pbmc_granulocyte_sorted_10k_filtered_feature_bc_matrix.h5",
            checksum="md5:920b16bf1e63b6610bf74bf9040ed386",
            size=162_282_142,
        ),
    ),
    citation="10x Genomics, PBMC granulocyte sorted 10k, Cell Ranger ARC 1.0.0",
    terms="10x Genomics publishes the counts under CC BY 4.0",
    expected=Expected(cells=(100, 13_000), genes=(20_000, 40_000), types=(2, 100)),
)
