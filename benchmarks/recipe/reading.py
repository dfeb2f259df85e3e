"""The publishers' formats as arrays: 10x HDF5, AnnData layers, CSV of log values."""

from __future__ import annotations

import gzip
import shutil
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from recipe.checks import require_columns

from plkd.errors import InputError

ROWS = 4096
CSV_ROWS = 500


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file and turn whatever is missing or damaged in it into one line.

    Raises
    ------
    InputError
        The file is not readable or a part of it is not there.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (KeyError, OSError) as error:
        raise InputError(
            f"the parts of {path.name} that its publisher describes",
            str(error).strip("'\""),
            f"delete {path} and run again; if it stays so, the publisher has changed the file",
        ) from error


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give an unpacked copy of a .gz file, which is gone afterwards.

    Raises
    ------
    InputError
        The archive is damaged.
    """
    with TemporaryDirectory(prefix=".unpacked.", dir=path.parent) as folder:
        copy = Path(folder) / path.stem
        try:
            with gzip.open(path, "rb") as packed, copy.open("wb") as out:
                shutil.copyfileobj(packed, out, length=1 << 22)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"a whole .gz archive in {path.name}", str(error), f"delete {path} and run again"
            ) from error
        yield copy


def read_10x_h5(path: Path) -> tuple[sp.csr_matrix, pd.DataFrame, list[str]]:
    """Return the genes of a 10x matrix: counts ``(n_cells, n_genes)``, their table, barcodes.

    Other features (the peaks of a multiome) are left out.

    Raises
    ------
    InputError
        As :func:`opened`.
    """
    with opened(path) as file:
        matrix = file["matrix"]
        n_features, n_cells = matrix["shape"][:]
        by_cell = (matrix["data"][:], matrix["indices"][:], matrix["indptr"][:])
        barcodes = [name.decode() for name in matrix["barcodes"][:]]
        features = {
            key: [value.decode() for value in matrix["features"][key][:]]
            for key in ("id", "name", "feature_type")
        }
    counts = sp.csr_matrix(by_cell, shape=(n_cells, n_features)).astype(np.float32)
    genes = np.array(features["feature_type"]) == "Gene Expression"
    table = pd.DataFrame({"gene_ids": features["id"]}, index=pd.Index(features["name"]))
    return counts[:, np.flatnonzero(genes)], table[genes], barcodes


def read_layer(
    path: Path, layer: str, keep: Callable[[pd.DataFrame], np.ndarray]
) -> tuple[sp.csr_matrix, pd.DataFrame, pd.DataFrame]:
    """Return some features of one slot of an h5ad, and obs and var, without reading the others.

    Parameters
    ----------
    path
        The file.
    layer
        Its slot, ``"X"`` or ``"layers/counts"``.
    keep
        From var to a mask of the features that are wanted.

    Returns
    -------
    Values ``(n_cells, n_kept)`` float32, obs, and var of the features kept.

    Raises
    ------
    InputError
        As :func:`opened`.
    """
    from anndata import OldFormatWarning
    from anndata.io import read_elem, sparse_dataset

    with opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", OldFormatWarning)  # a publisher's file stays as it is
        obs, var = read_elem(file["obs"]), read_elem(file["var"])
        columns = np.flatnonzero(keep(var))
        if not isinstance(file[layer], h5py.Group):
            raise KeyError(f"{layer} is a dense array, not a sparse matrix")
        stored: Any = sparse_dataset(file[layer])
        if stored.format == "csc":  # rows of it are far apart on disk
            rows = sp.csr_matrix(stored.to_memory())[:, columns]
        else:
            starts = range(0, stored.shape[0], ROWS)
            rows = sp.vstack([stored[at : at + ROWS][:, columns] for at in starts], format="csr")
    return sp.csr_matrix(rows.astype(np.float32)), obs, var.iloc[columns]


def read_csv_cells(path: Path) -> tuple[sp.csr_matrix, list[str], list[str]]:
    """Return values ``(n_cells, n_genes)`` float64, cells and genes of a CSV of cells by genes.

    Raises
    ------
    InputError
        The table is damaged or holds text.
    """
    names: list[str] = []
    genes: list[str] = []
    parts: list[sp.csr_matrix] = []
    with whole_table(path):
        for chunk in pd.read_csv(path, index_col=0, chunksize=CSV_ROWS):
            genes = chunk.columns.astype(str).tolist()
            names += chunk.index.astype(str).tolist()
            parts.append(sp.csr_matrix(chunk.to_numpy(dtype=np.float64)))
    return sp.csr_matrix(sp.vstack(parts, format="csr")), names, genes


def read_table(
    path: Path, *, index: str, columns: tuple[str, ...], names: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """Return a CSV as text, by the column that names its rows.

    Parameters
    ----------
    path
        The file.
    index
        Column of the rows' names, each of which comes once.
    columns
        Columns that must be there too.
    names
        All columns, where the file has no line with their names.

    Raises
    ------
    InputError
        The table is damaged, lacks a column or names a row twice.
    """
    with whole_table(path):
        table = pd.read_csv(path, dtype=str, names=names)
    require_columns(table, (index, *columns), where=path.name)
    again = table[index].duplicated()
    if again.any():
        raise InputError(
            f"every {index} once in {path.name}",
            f"{int(again.sum())} again, {table[index][again].iloc[0]} first",
            f"delete {path} and run again; if it is a table of your own, keep one line for each",
        )
    return table.set_index(index)


@contextmanager
def whole_table(path: Path) -> Iterator[None]:
    """Turn what pandas says of a damaged table into one line.

    Raises
    ------
    InputError
        Whatever is read inside is damaged.
    """
    try:
        yield
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"a whole table in {path.name}", str(error), f"delete {path} and run again"
        ) from error
