"""Annotation across modalities (the paper's Table 4) on the SNARE-seq cortex: RNA and ATAC.

    python benchmarks/modalities.py --data FOLDER

writes ``docs/results/modalities.md`` and ``modalities.png``. Scores of every method on RNA -> RNA,
ATAC -> ATAC and RNA -> ATAC are those that ``transfer.py`` measured: they are read from
``transfer.csv`` and ``peers.csv`` and not run again. What is run here needs the labels themselves:

``modalities.csv``
    How far the labels of RNA and ATAC of one cell agree (``plkd.tl.label_agreement``), over all
    cells and by type: both by the model of RNA, and each by the model of its own modality; and how
    many are right where they agree and where they do not. Labels are the best types of the
    reference, whether or not a cell is called unknown, as for the scores.
``modalities_depth.csv``
    What the annotation says of each modality (``uns['plkd']``, confidence), beside how deep its
    cells are.

The models are those of the tasks ``cortex:rna`` and ``cortex:atac``, shared with ``transfer.py`` by
``--models``. ``--page`` runs nothing and writes the page of the rows that there are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from kept_models import fitted
from modalities_claims import EACH, RNA_MODEL, WHOLE
from modalities_figure import figure
from modalities_page import page
from ours import NETWORKS, without_obs
from predictions import LABELS, known_type_key, known_types, name_columns
from results import Row as Score
from results import read_rows as read_scores
from study.figures import save
from study.rows import Row, frame, read_rows, write_rows
from study.runs import say
from tasks import TaskData, add_data_argument, data_folder, load_task, read_tasks
from transfer_methods import is_peer

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd import CellAnnotator

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
RNA, ATAC = "cortex:rna", "cortex:atac"
FILES = ("modalities.csv", "modalities_depth.csv")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keep plkd's fitted models")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Annotate both modalities with both models, and write tables, page and figure."""
    options = arguments(argv)
    files = [options.out / name for name in FILES]
    if not options.page:
        run(options, files)
    agreement, depth = (frame(read_rows(file)) for file in files)
    scores = kept_scores()
    if not (len(agreement) or scores):
        raise SystemExit("nothing to show: no rows in modalities.csv, transfer.csv or peers.csv")
    text = page(scores, agreement, depth)
    (options.out / "modalities.md").write_text(text, encoding="utf-8")
    save(figure(scores, agreement), options.out / "modalities.png")
    sys.stdout.write(text)
    return 0


def kept_scores() -> list[Score]:
    """Return the scores of plkd of ``transfer.csv`` and those of the peers of ``peers.csv``."""
    ours = [row for row in read_scores(RESULTS / "transfer.csv") if not is_peer(row.method)]
    return [*read_scores(RESULTS / "peers.csv"), *ours]


def run(options: argparse.Namespace, files: Sequence[Path]) -> None:
    """Write the rows of every seed."""
    folder = data_folder(options.data)
    rna, atac = (load_task(folder, task) for task in read_tasks(folder, [RNA, ATAC]))
    agreement: list[Row] = []
    depth: list[Row] = []
    for seed in options.seeds:
        models = {}
        for cells in (rna, atac):
            name_columns(cells)
            fit = fitted(
                cells.reference, folder, name=cells.task.name, seed=seed, models=options.models
            )
            models[cells.task.name] = fit.model
        for method, network in NETWORKS.items():
            head = {"method": method, "seed": seed}
            said, more = annotated(rna, atac, models, network)
            agreement += [{**head, **row} for row in said]
            depth += [{**head, **row} for row in more]
            say(f"{method}, seed {seed}")
        write_rows(files[0], agreement)
        write_rows(files[1], depth)


def annotated(
    rna: TaskData,
    atac: TaskData,
    models: dict[str, CellAnnotator],
    network: Literal["teacher", "student"],
) -> tuple[list[Row], list[Row]]:
    """Return how far the modalities of the unseen cells agree, and what was said of each."""
    import plkd

    found = {}
    depth = []
    for modality, cells, model in (("RNA", rna, RNA), ("ATAC", atac, RNA), ("ATAC", atac, ATAC)):
        query = without_obs(cells.query)
        plkd.tl.annotate(query, models[model], with_=network)
        found[modality, model] = query
        own = RNA_MODEL if model == RNA else EACH
        depth.append({"modality": modality, "models": own, **said_of(cells.query, query)})
    truth = rna.query.obs[LABELS].astype(str)
    rows: list[Row] = []
    for models_of, its in ((RNA_MODEL, RNA), (EACH, ATAC)):
        for row in agreement_rows(found["RNA", RNA], found["ATAC", its], truth):
            rows.append({"models": models_of, **row})
    return rows, depth


def agreement_rows(rna: AnnData, atac: AnnData, truth: Any) -> Iterator[Row]:
    """Yield agreement over all cells, with the share that is right, and by type.

    Parameters
    ----------
    truth
        Type of each cell by its name.
    """
    import plkd

    keys = {"rna_key": known_type_key(rna), "atac_key": known_type_key(atac)}
    whole = plkd.tl.label_agreement(rna, atac, **keys)
    shared = rna.obs_names.intersection(atac.obs_names)
    labels = [known_types(each[shared]) for each in (rna, atac)]
    right = labels[0] == truth.loc[shared].to_numpy()
    same = labels[0] == labels[1]
    yield {
        "type": WHOLE,
        "n_cells": whole.n_cells,
        "agreement": round(whole.agreement, 5),
        "chance": round(whole.chance, 5),
        "kappa": round(whole.kappa, 5),
        "right_where_same": _share(right[same]),
        "right_where_not": _share(right[~same]),
    }
    for each in whole.per_type:
        yield {
            "type": each.type,
            "n_cells": each.n_both,
            "n_rna": each.n_first,
            "n_atac": each.n_second,
            "agreement": round(each.agreement, 5),
        }


def said_of(cells: AnnData, query: AnnData) -> Row:
    """Return what annotation says of a modality, and how deep its cells are."""
    said = query.uns["plkd"]
    counts = np.asarray(cells.X.sum(axis=1)).ravel()
    genes = np.diff(cells.X.tocsr().indptr)
    return {
        "n_cells": int(said["n_cells"]),
        "counts": round(float(np.median(counts)), 1),
        "genes": round(float(np.median(genes)), 1),
        "expression": str(said["expression"]),
        "genes_found": int(said["genes_found"]),
        "weight_share": float(said["weight_share"]),
        "n_no_counts": int(said["n_no_counts"]),
        "n_unknown": int(said["n_unknown"]),
        "drift": str(said["drift"]),
        "confidence": round(float(np.median(query.obs["plkd_confidence"])), 4),
    }


def _share(right: np.ndarray) -> float:
    return round(float(right.mean()), 5) if len(right) else float("nan")


if __name__ == "__main__":
    raise SystemExit(main())
