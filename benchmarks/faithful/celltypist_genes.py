"""Write the genes of highest coefficient of each type in a CellTypist trained at its defaults.

    python benchmarks/faithful/celltypist_genes.py REFERENCE.h5ad GENES.csv [--n 10]

The reference holds log1p counts per 10,000 in ``X`` and the types in ``obs['cell_type']``. It runs
in any environment with CellTypist and needs nothing of plkd. The coefficients are those of genes
standardised over the reference, as CellTypist trains.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path

import numpy as np


def main() -> int:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reference", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--n", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import anndata
    import celltypist
    import pandas as pd

    logging.getLogger("celltypist").setLevel(logging.ERROR)
    celltypist.logger.set_level(logging.ERROR)
    reference = anndata.read_h5ad(options.reference)
    model = celltypist.train(reference, labels="cell_type", check_expression=False)
    coefficients = model.classifier.coef_
    if len(model.cell_types) == 2:  # one row, that of the second type
        coefficients = np.concatenate([-coefficients, coefficients])
    rows = [
        (name, str(model.features[gene]))
        for name, weights in zip(model.cell_types, coefficients, strict=True)
        for gene in np.argsort(-weights, kind="stable")[: options.n]
    ]
    pd.DataFrame(rows, columns=["cell_type", "gene"]).to_csv(options.out, index=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
