"""The four recipes: what is downloaded, how it is prepared, which batches teach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recipe.pan_cancer import prepare_pan_cancer
from recipe.preparing import HALVES, prepare_bmmc, prepare_dlpfc, prepare_pbmc
from recipe.sources import BMMC, CANCERS, DLPFC, PAN_CANCER, PBMC, SLICES, Source

if TYPE_CHECKING:
    from anndata import AnnData

BMMC_BATCHES = (
    *("s1d1", "s1d2", "s1d3", "s2d1", "s2d4", "s2d5"),
    *("s3d3", "s3d6", "s3d7", "s3d10", "s4d1", "s4d8", "s4d9"),
)
CANCER_REFERENCE = ("ESCA", "THCA", "UCEC")


@dataclass(frozen=True)
class Recipe:
    """How a data set becomes a file and a task.

    Parameters
    ----------
    source
        What is downloaded.
    prepare
        From the downloaded files, by name, to cells.
    task
        Name of the task in ``tasks.json``.
    reference, query
        Batches that teach, and batches that are annotated.
    split
        Where the split comes from.
    """

    source: Source
    prepare: Callable[[Mapping[str, Path]], AnnData]
    task: str
    reference: tuple[str, ...]
    query: tuple[str, ...]
    split: str


RECIPES: dict[str, Recipe] = {
    "bmmc": Recipe(
        BMMC,
        prepare_bmmc,
        task="paper:bmmc",
        reference=BMMC_BATCHES[:6],
        query=BMMC_BATCHES[6:],
        split="the paper's: the first six batches teach, the other seven are annotated",
    ),
    "pan_cancer": Recipe(
        PAN_CANCER,
        prepare_pan_cancer,
        task="paper:pan_cancer",
        reference=CANCER_REFERENCE,
        query=tuple(cancer for cancer in CANCERS if cancer not in CANCER_REFERENCE),
        split="the paper's: ESCA, THCA and UCEC teach; of its ten other cancers the five that "
        "GSE154763 holds are annotated",
    ),
    "dlpfc": Recipe(
        DLPFC,
        prepare_dlpfc,
        task="paper:dlpfc",
        reference=SLICES[:6],
        query=SLICES[6:],
        split="the paper's: the first six slices teach, the other six are annotated; two slices "
        "of donor Br5595 stand on either side",
    ),
    "pbmc": Recipe(
        PBMC,
        prepare_pbmc,
        task="paper:pbmc_halves",
        reference=HALVES[:1],
        query=HALVES[1:],
        split="ours: the paper's two batches are not described and the sample is one library, so "
        "halves drawn by barcode stand in; they have no batch effect between them",
    ),
}
