"""The label audit: how many planted wrong labels it finds, and what setting them aside is worth.

    python benchmarks/audit.py --data FOLDER

writes ``docs/results/audit.csv`` (one line a task, method and seed) and ``audit.md``. What is done:

1. *Ranking.* In the reference of each task 10 % of the labels are replaced by another type's, cell
   and type by chance (:func:`study.ablation.with_wrong_labels`). Each method ranks all cells by how
   suspect their label is; measured is the share of the wrong labels among the first 12 %, and the
   area under the ROC curve. Tasks that learn from the same cells count once.
2. *Labels as they are.* How many of them the audit doubts, once a task.
3. *Fits*, only with ``--fits`` (minutes each): ``study/audit_fits.py``; rows in ``audit_fits.csv``.

=================  ================================================================================
method             ranks by
=================  ================================================================================
plkd               ``plkd.tl.audit_labels``, by its defaults, with batches
neighbours         the share of the 30 nearest cells that have the label, along 50 singular vectors:
                   one of plkd's witnesses
classifier         probability of the label by an out-of-fold linear discriminant along the same:
                   much like another one
cleanlab's recipe  self-confidence: probability of the label by an out-of-fold logistic regression
                   (scikit-learn's defaults, 5 folds), here on 50 standardised components
chance             a random number
=================  ================================================================================

A run goes on where the last one stopped; ``--page`` runs nothing and writes the page anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from audit_page import AS_THEY_ARE, CHANCE, CLASSIFIER, CLEANLAB, NEIGHBOURS, PLANTED, PLKD, page
from predictions import BATCH, LABELS, name_columns
from study.ablation import with_wrong_labels
from study.audit_fits import run_fits
from study.rows import Row, frame, read_rows, write_rows
from study.runs import say
from tasks import add_data_argument, data_folder, distinct, load_task, read_tasks

if TYPE_CHECKING:
    from anndata import AnnData

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
WRONG_SHARE = 0.10
LOOKED_AT = 0.12
N_GENES = 2000


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="these tasks (default: all)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--fits", action="store_true", help="fit models as well, minutes each")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, then write the page from all rows that are there."""
    options = arguments(argv)
    file, fits_file = options.out / "audit.csv", options.out / "audit_fits.csv"
    rows, fits = read_rows(file), read_rows(fits_file)
    if not options.page:
        folder = data_folder(options.data)
        for new in run(folder, options, rows):
            rows += new
            write_rows(file, rows)
        if options.fits:
            fits = run_fits(folder, fits_file, tasks=options.tasks, seeds=options.seeds)
    if not rows:
        raise SystemExit("nothing to show: audit.csv has no rows")
    text = page(frame(rows), frame(fits))
    (options.out / "audit.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def run(folder: Path, options: argparse.Namespace, rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the rows of each task and seed that has none; those of seeds[0] hold (2.) as well."""
    done = {(row["task"], row["setting"], int(row["seed"])) for row in rows}
    for task in distinct(read_tasks(folder, options.tasks)):
        todo = [(PLANTED, seed) for seed in options.seeds]
        todo += [(AS_THEY_ARE, seed) for seed in options.seeds[:1]]
        todo = [each for each in todo if (task.name, *each) not in done]
        if not todo:
            continue
        cells = load_task(folder, task)
        name_columns(cells)
        points = components(cells.reference)
        for setting, seed in todo:
            head = {"task": task.name, "setting": setting, "seed": seed}
            share = WRONG_SHARE if setting == PLANTED else 0.0
            new = judged(cells.reference, points, share, seed)
            yield [{**head, **measured} for measured in new]
            say(f"{task.name}, {setting}, seed {seed}: {cells.reference.n_obs} cells")


def components(reference: AnnData) -> np.ndarray:
    """Return the cells in 50 singular vectors of the genes that the audit takes."""
    from plkd.data.expression import to_log1p
    from plkd.data.highly_variable import select_genes
    from plkd.data.source import recognise_source, source_from_anndata
    from plkd.trust.cell_points import singular_points

    source = source_from_anndata(reference)
    log1p = to_log1p(source.rows(0, source.n_cells), recognise_source(source))
    genes = select_genes(log1p, N_GENES, reference.obs[BATCH].astype(str).to_numpy())
    return singular_points(log1p[:, genes])


def judged(reference: AnnData, points: np.ndarray, share: float, seed: int) -> Iterator[Row]:
    """Yield what each method makes of labels of which ``share`` are wrong; without any, plkd."""
    import plkd

    truth = reference.obs[LABELS].to_numpy().astype(str)
    labels = with_wrong_labels(truth, share, seed)
    wrong = labels != truth
    cells = reference.copy()
    cells.obs_names = [str(n) for n in range(cells.n_obs)]
    cells.obs[LABELS] = labels.astype(object)
    audit = plkd.tl.audit_labels(cells, labels_key=LABELS, batch_key=BATCH)
    place = audit.cells.astype(int)
    rank = np.empty(len(wrong))
    rank[place] = np.arange(len(wrong))
    counts = {"n_cells": len(wrong), "n_wrong": int(wrong.sum())}
    doubts = {
        "n_doubtful": audit.n_doubtful,
        "n_doubtful_wrong": int(wrong[place[audit.doubtful]].sum()),
    }
    yield {"method": PLKD, **counts, **found(rank, wrong), **doubts}
    if wrong.any():
        for method, trusted in others(points, labels, seed).items():
            yield {"method": method, **counts, **found(trusted, wrong)}


def found(trusted: np.ndarray, wrong: np.ndarray) -> dict[str, float]:
    """Return how well a ranking finds the wrong labels; ``trusted`` is small where one is suspect.

    Returns
    -------
    Their share among the first 12 % (equals broken by chance) and the area under the ROC curve;
    nothing where no label is wrong.
    """
    from sklearn.metrics import roc_auc_score

    if not wrong.any():
        return {}
    ties = np.random.default_rng(0).random(len(wrong))
    first = np.lexsort((ties, trusted))[: round(LOOKED_AT * len(wrong))]
    recall = float(wrong[first].sum() / wrong.sum())
    return {"recall": round(recall, 5), "auroc": round(float(roc_auc_score(wrong, -trusted)), 5)}


def others(points: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return how far other methods trust each label, ``(n_cells,)`` each."""
    from plkd.trust.label_audit import held_out_log_probabilities
    from plkd.trust.label_quality import own_shares, shares_among

    names, codes = np.unique(labels, return_inverse=True)
    own = np.arange(len(codes)), codes
    return {
        NEIGHBOURS: own_shares(shares_among(points, codes, len(names)), codes),
        CLASSIFIER: held_out_log_probabilities(points, codes, len(names))[own],
        CLEANLAB: logistic_probabilities(points, codes, len(names))[own],
        CHANCE: np.random.default_rng(seed).random(len(codes)),
    }


def logistic_probabilities(points: np.ndarray, codes: np.ndarray, n_types: int) -> np.ndarray:
    """Return the probability of each type by a logistic regression that has not seen the cell."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from plkd.trust.label_audit import N_FOLDS, folds

    fold = folds(codes)
    probabilities = np.zeros((len(codes), n_types))
    for number in range(N_FOLDS):
        held_out = fold == number
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(points[~held_out], codes[~held_out])
        probabilities[np.ix_(held_out, model.classes_)] = model.predict_proba(points[held_out])
    return probabilities


if __name__ == "__main__":
    raise SystemExit(main())
