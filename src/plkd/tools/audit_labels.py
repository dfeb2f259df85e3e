"""Which labels of a reference look wrong, cell by cell, the most suspect first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plkd.data.batches import batches_of
from plkd.data.cell_files import open_cells
from plkd.data.gene_names import examples
from plkd.data.source import recognise_source, source_from_anndata, source_from_file
from plkd.errors import InputError
from plkd.model.choices import check_seed
from plkd.outputs import replace_when_done
from plkd.tools.evaluate import read_obs

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.data.reading import ExpressionSource
    from plkd.tools.audit_results import LabelAudit

N_GENES = 2000
DIGITS = "%.6g"


def audit_labels(
    adata: AnnData,
    *,
    labels_key: str,
    batch_key: str | None = None,
    n_genes: int = N_GENES,
    layer: str | None = None,
    use_raw: bool = False,
    expression: str | None = None,
    seed: int = 0,
) -> LabelAudit:
    """Say which cells of a reference look mislabelled, and as what.

    Each label is judged by the other cells: by its nearest neighbours, and by classifiers that have
    not seen the cell. Nothing is trained and no model is needed.

    Parameters
    ----------
    adata
        An annotated reference: counts or log1p counts, labels in ``obs``. It is not changed.
    labels_key
        Column of ``obs`` with the cell types. Cells without one (None, NaN, "") are left out and
        counted.
    batch_key
        Column of ``obs`` with batches: genes that vary in many of them are taken first, the
        doubtful labels of each are counted, and labels of one that the others contradict are found.
    n_genes
        Highly variable genes to use.
    layer, use_raw
        Take ``layers[layer]`` or ``raw.X`` in place of ``X``.
    expression
        "counts" or "log1p", where the values alone cannot tell.
    seed
        Decides which cells classifiers learn from at a time, and, in a reference of more than
        20,000 cells, among which of them neighbours are sought.

    Returns
    -------
    A :class:`plkd.tools.audit_results.LabelAudit`; its ``to_frame()`` is the table, a row for each
    labelled cell, the most suspect first: label, suggestion, score (probability of the label, in
    [0, 1]) and the share of its neighbours that have the label.

    Raises
    ------
    InputError
        A column is not there, a cell has no batch, there are fewer than two types, a type has one
        cell only, or the values are neither counts nor log1p counts.

    Notes
    -----
    What is computed stands at :func:`plkd.trust.label_audit.judge_labels`, and of the batches at
    :func:`plkd.trust.other_batches.contradicted_labels`. A label that looks wrong
    may be right: between types that blend into each other, and in a small type that is close to a
    large one, the other cells know no better than chance.
    """
    source = source_from_anndata(adata, layer=layer, use_raw=use_raw)
    columns = _columns(adata.obs, labels_key, batch_key, "obs")
    return _audit(source, columns, labels_key, n_genes=n_genes, expression=expression, seed=seed)


def audit_file(
    path: Path,
    out: Path,
    *,
    labels_key: str,
    batch_key: str | None = None,
    n_genes: int = N_GENES,
    layer: str | None = None,
    use_raw: bool = False,
    expression: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> LabelAudit:
    """Audit the labels of cells on disk and write them as CSV, the cell's name in the first column.

    Of the h5ad file or zarr store only ``obs`` and the expression are read.

    Parameters
    ----------
    path
        The reference. It is not changed.
    out
        Where the table shall stand; it is there whole or not at all.
    labels_key, batch_key, n_genes, layer, use_raw, expression, seed
        As :func:`audit_labels`.
    overwrite
        Replace a table that stands there.

    Returns
    -------
    What was found.

    Raises
    ------
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    InputError
        As :func:`audit_labels`; the input is absent, damaged, or neither h5ad nor zarr.
    """
    with replace_when_done(out, overwrite=overwrite, source=path) as partial:
        with open_cells(path) as file:
            source = source_from_file(file, layer=layer, use_raw=use_raw)
            columns = _columns(read_obs(path), labels_key, batch_key, f"obs of {path}")
            found = _audit(
                source, columns, labels_key, n_genes=n_genes, expression=expression, seed=seed
            )
        found.to_frame().to_csv(
            partial, index=False, float_format=DIGITS, lineterminator="\n", encoding="utf-8"
        )
    return found


def _columns(
    obs: Any, labels_key: str, batch_key: str | None, where: str
) -> tuple[NDArray[Any], Any, NDArray[Any] | None]:
    """Return the names of the cells, their labels, and their batches."""
    for key, argument in ((labels_key, "labels_key"), (batch_key, "batch_key")):
        if key is not None and key not in obs.columns:
            there = examples([str(name) for name in obs.columns], 20) or "no column"
            raise InputError(
                f"a column {key!r} in {where} ({argument})", there, "name one of these"
            )
    names = np.array([str(name) for name in obs.index], dtype=object)
    if batch_key is None:
        return names, obs[labels_key], None
    batches = batches_of(obs, batch_key, where).astype(str).to_numpy(dtype=object)
    return names, obs[labels_key], batches


def _audit(
    source: ExpressionSource,
    columns: tuple[NDArray[Any], Any, NDArray[Any] | None],
    labels_key: str,
    *,
    n_genes: int,
    expression: str | None,
    seed: int,
) -> LabelAudit:
    from plkd.data.expression import to_log1p
    from plkd.data.highly_variable import select_genes
    from plkd.data.labels import encode_labels
    from plkd.data.reading import read_checked
    from plkd.tools.audit_results import LabelAudit
    from plkd.trust.cell_points import singular_points
    from plkd.trust.label_audit import judge_labels
    from plkd.trust.other_batches import contradicted_labels

    check_seed(seed)
    if n_genes < 2:
        raise InputError("n_genes of 2 or more", f"{n_genes}", "leave it out")
    names, values, batches = columns
    labels = encode_labels(values, key=labels_key)
    recognised = recognise_source(source, declared=expression)
    log1p = to_log1p(read_checked(source, recognised), recognised)
    labelled = np.flatnonzero(labels.codes >= 0)
    log1p, codes = log1p[labelled], labels.codes[labelled]
    seen_in = None if batches is None else batches[labelled]
    genes = select_genes(log1p, n_genes, seen_in, types=codes)
    judged = judge_labels(log1p[:, genes], codes, len(labels.classes), seed=seed)
    first = judged.order()
    types = np.array(labels.classes, dtype=object)
    contradicted, called = [], np.full(len(codes), "", dtype=object)
    if seen_in is not None:
        points = singular_points(log1p[:, genes], seed=seed)
        contradicted = contradicted_labels(points, codes, seen_in, len(types))
    for each in contradicted:
        called[each.cells] = types[each.looks_like]
    return LabelAudit(
        labels_key=labels_key,
        classes=labels.classes,
        cells=names[labelled][first],
        labels=types[codes[first]],
        suggestions=types[judged.suggestion[first]],
        scores=judged.score[first],
        neighbor_shares=judged.neighbour_share[first],
        doubtful=judged.doubtful[first],
        batches=None if batches is None else batches[labelled][first],
        n_unlabelled=source.n_cells - len(labelled),
        other_batches=None if batches is None else called[first],
        contradicted=tuple(each.named(labels.classes) for each in contradicted),
    )
