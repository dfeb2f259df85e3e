"""The demo: train, annotate, evaluate and explain on 700 real blood cells, without a network."""

from __future__ import annotations

import json
import time
import warnings
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plkd.errors import OutputExistsError
from plkd.outputs import replace_when_done

if TYPE_CHECKING:
    from plkd.data.gene_sets import GeneSets
    from plkd.metrics.results import ClassificationReport
    from plkd.training.progress import Progress

DEFAULT_OUT = Path("plkd-demo")
LABELS_KEY = "cell_type"
MIN_CELLS = 5  # of a type, so that both halves see it
N_MARKERS = 8
"""Genes of a type that are printed."""
GENE_SETS = "resources/immune_programmes.gmt"


@dataclass(frozen=True)
class DemoResult:
    """Where the demo wrote what, and how well it went.

    Attributes
    ----------
    model
        Folder of the saved model.
    annotated
        The annotated query half, h5ad.
    picture
        UMAP of truth, annotation and confidence, png.
    evaluation
        Every measure, JSON.
    page
        What was annotated and how far it can be believed, to read in a browser.
    explanation
        Folder of marker genes, patterns and gene networks, with pictures.
    n_reference
        Number of cells trained on.
    n_query
        Number of cells annotated.
    n_types
        Number of cell types.
    report
        The comparison of annotation and truth.
    markers
        The first marker genes of each type that Teacher and Student both name.
    seconds
        Wall-clock seconds of the whole demo.
    """

    model: Path
    annotated: Path
    picture: Path
    evaluation: Path
    page: Path
    explanation: Path
    n_reference: int
    n_query: int
    n_types: int
    report: ClassificationReport
    markers: dict[str, tuple[str, ...]]
    seconds: float


def run_demo(
    out: str | Path = DEFAULT_OUT,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    overwrite: bool = False,
    device: str = "auto",
) -> DemoResult:
    """Train on half of 700 real blood cells, annotate the other half; say how well, and why.

    Parameters
    ----------
    out
        Folder to write into; made when it is not there.
    seed
        Seed of the halves, the training and the picture.
    progress
        Told of every epoch of training.
    overwrite
        Replace what an earlier demo wrote.
    device
        Where to compute: "cpu", "cuda" or "auto".

    Returns
    -------
    Paths of the model, the annotated file, the picture, the evaluation, the page and the
    explanation, the scores, and the marker genes of each type.

    Raises
    ------
    OutputExistsError
        If one of the outputs exists and ``overwrite`` is not set; nothing is computed then.

    Notes
    -----
    The cells are those of Zheng et al. 2017 that come with scanpy. They have no column of donors,
    so the halves share their batch and the scores say less than those of a query from elsewhere.
    """
    start = time.perf_counter()
    paths = _outputs(Path(out), overwrite=overwrite)
    cells = demo_cells()
    in_reference = split_in_halves(cells.obs[LABELS_KEY].to_numpy(), seed=seed)
    reference, query = cells[in_reference].copy(), cells[~in_reference].copy()

    from plkd.explanation import write_explanation
    from plkd.model.annotator import CellAnnotator
    from plkd.plots import embedding
    from plkd.report import write_report
    from plkd.tools.annotate import annotate
    from plkd.tools.evaluate import evaluate
    from plkd.tools.marker_genes import marker_genes

    annotator = CellAnnotator(demo_gene_sets(), seed=seed, device=device)
    annotator.fit(reference, labels_key=LABELS_KEY, progress=progress)
    annotate(query, annotator)
    report = evaluate(query, labels_key=LABELS_KEY)
    markers = marker_genes(reference, annotator, labels_key=LABELS_KEY, seed=seed)

    Path(out).mkdir(parents=True, exist_ok=True)
    annotator.save(paths["model"], overwrite=overwrite)
    with replace_when_done(paths["annotated"], overwrite=overwrite) as partial:
        query.write_h5ad(partial)
    with replace_when_done(paths["picture"], overwrite=overwrite) as partial:
        embedding(query, LABELS_KEY, seed=seed, save=partial)
    with replace_when_done(paths["evaluation"], overwrite=overwrite) as partial:
        partial.write_text(json.dumps(report.as_dict(), indent=2) + "\n", encoding="utf-8")
    write_report(
        query, paths["page"], model=annotator, labels_key=LABELS_KEY, seed=seed, overwrite=overwrite
    )
    write_explanation(markers, paths["explanation"], overwrite=overwrite)
    return DemoResult(
        **paths,
        n_reference=reference.n_obs,
        n_query=query.n_obs,
        n_types=len(report.per_type),
        report=report,
        markers=markers.top_genes(N_MARKERS),
        seconds=time.perf_counter() - start,
    )


def demo_cells() -> Any:
    """Load the 700 blood cells of Zheng et al. 2017 that come with scanpy; no network is used.

    Returns
    -------
    AnnData ``(700, 765)``: log1p counts in ``X``, sorted types in ``obs['cell_type']``. Types with
    fewer than 5 cells would be left out; there is none.
    """
    import scanpy as sc
    from anndata import AnnData

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file is of an old anndata, which says so
        shipped = sc.datasets.pbmc68k_reduced()
    raw = shipped.raw.to_adata()
    obs = shipped.obs[["bulk_labels"]].rename(columns={"bulk_labels": LABELS_KEY})
    obs[LABELS_KEY] = obs[LABELS_KEY].astype(str).astype("category")
    obs.index = obs.index.astype(str)
    obs.index.name = None
    cells = AnnData(X=raw.X.copy(), obs=obs, var=raw.var[[]].copy())
    counts = cells.obs[LABELS_KEY].value_counts()
    kept = cells.obs[LABELS_KEY].isin(counts.index[counts >= MIN_CELLS])
    return cells[kept.to_numpy()].copy()


def demo_gene_sets() -> GeneSets:
    """Read the immune programmes that come with plkd, written for the demo.

    Returns
    -------
    71 gene sets of human blood cells.
    """
    from plkd.data.gene_sets import read_gene_sets

    with as_file(files("plkd").joinpath(GENE_SETS)) as path:
        return read_gene_sets(path)


def split_in_halves(labels: np.ndarray, *, seed: int) -> np.ndarray:
    """Choose half of the cells of each type by chance; of an odd number the larger half.

    Parameters
    ----------
    labels
        Type of each cell, ``(n_cells,)``.
    seed
        Seed of the choice.

    Returns
    -------
    True for the chosen cells, ``(n_cells,)``.
    """
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), dtype=bool)
    for name in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == name))
        chosen[members[: (len(members) + 1) // 2]] = True
    return chosen


def _outputs(out: Path, *, overwrite: bool) -> dict[str, Path]:
    paths = {
        "model": out / "model",
        "annotated": out / "query_annotated.h5ad",
        "picture": out / "umap.png",
        "evaluation": out / "evaluation.json",
        "page": out / "report.html",
        "explanation": out / "explanation",
    }
    if out.exists() and not out.is_dir():
        raise OutputExistsError(
            expected=f"a folder at {out}, or nothing", found="a file", mend="choose another folder"
        )
    there = [path.name for path in paths.values() if path.exists()]
    if there and not overwrite:
        raise OutputExistsError(
            expected=f"no earlier demo in {out}",
            found=", ".join(there),
            mend="choose another folder or ask to overwrite",
        )
    from plkd.explanation import check_explanation

    check_explanation(paths["explanation"], overwrite=overwrite)
    return paths
