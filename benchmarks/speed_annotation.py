"""Annotate one file in this process and print what it took as JSON; ``speed.py`` starts it.

    python benchmarks/speed_annotation.py plkd QUERY.h5ad --model MODEL/ --out OUT.h5ad
    python benchmarks/speed_annotation.py celltypist QUERY.h5ad --model MODEL.pkl --out OUT.csv
    python benchmarks/speed_annotation.py read QUERY.h5ad
    python benchmarks/speed_annotation.py read-anndata QUERY.h5ad

Seconds run from the file on disk to the labels on disk; imports are not counted. CellTypist
wants log1p counts per 10,000, so its time has that in it, as plkd's has; its labels go to CSV,
plkd's into an annotated copy of the h5ad. ``read`` only reads the three arrays of the matrix, in
the rows that plkd reads at a time; ``read-anndata`` is ``anndata.read_h5ad``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path

Seconds = dict[str, float]
ROWS_AT_A_TIME = 8192


def main() -> int:
    """Measure one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    runs = {
        "plkd": with_plkd,
        "celltypist": with_celltypist,
        "read": only_read,
        "read-anndata": only_read_anndata,
    }
    parser.add_argument("how", choices=runs)
    parser.add_argument("query", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.out:
        options.out.unlink(missing_ok=True)  # a new file: removing an old one takes time
    json.dump(runs[options.how](options.query, options.model, options.out), sys.stdout)
    return 0


def with_plkd(query: Path, model: Path, out: Path) -> Seconds:
    """Annotate with the Student."""
    for late in ("anndata.io", "h5py", "pandas", "scipy.sparse", "safetensors.torch"):
        import_module(late)  # plkd imports them on first use, which is not to be counted
    from plkd.model.annotator import CellAnnotator
    from plkd.tools.annotate import annotate_file

    start = time.perf_counter()
    annotator = CellAnnotator.load(model, with_teacher=False)
    loaded = time.perf_counter()
    annotate_file(query, annotator, out, overwrite=True)
    done = time.perf_counter()
    return {"all": done - start, "loading the model": loaded - start, "annotating": done - loaded}


def with_celltypist(query: Path, model: Path, out: Path) -> Seconds:
    """Read, normalise, annotate without majority voting, write the labels."""
    import anndata
    import celltypist
    import scanpy as sc

    warnings.simplefilter("ignore")
    celltypist.logger.set_level(50)
    start = time.perf_counter()
    loaded = celltypist.Model.load(str(model))
    adata = anndata.read_h5ad(query)
    read = time.perf_counter()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    normalised = time.perf_counter()
    found = celltypist.annotate(adata, model=loaded)
    annotated = time.perf_counter()
    found.predicted_labels.to_csv(out)
    done = time.perf_counter()
    return {
        "all": done - start,
        "reading": read - start,
        "normalising": normalised - read,
        "annotating": annotated - normalised,
        "writing": done - annotated,
    }


def only_read(query: Path, model: Path | None, out: Path | None) -> Seconds:
    """Read the arrays of a CSR matrix in chunks and do nothing with them."""
    import h5py
    import numpy as np

    del model, out
    start = time.perf_counter()
    with h5py.File(query) as file:
        matrix = file["X"]
        bounds = np.asarray(matrix["indptr"])
        for row in range(0, len(bounds) - 1, ROWS_AT_A_TIME):
            first, last = bounds[row], bounds[min(row + ROWS_AT_A_TIME, len(bounds) - 1)]
            matrix["data"][first:last], matrix["indices"][first:last]
    return {"all": time.perf_counter() - start}


def only_read_anndata(query: Path, model: Path | None, out: Path | None) -> Seconds:
    """Read the whole file with anndata."""
    import anndata

    del model, out
    start = time.perf_counter()
    anndata.read_h5ad(query)
    return {"all": time.perf_counter() - start}


if __name__ == "__main__":
    raise SystemExit(main())
