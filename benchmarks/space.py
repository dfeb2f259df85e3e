"""Layers of the cortex on slices never seen: annotated from expression, and then smoothed.

    python benchmarks/space.py --data FOLDER

writes ``docs/results/space.csv`` (one line a network, seed and weight of the neighbours),
``space.md`` (tables, and what they show) and ``space.png`` (the paper's Figure 4: truth beside
prediction). What is done:

1. *Choice.* plkd learns one of the two reference slices and annotates the other, and the other
   way round; ``plkd.tl.smooth_labels`` smooths with every weight of ``WEIGHTS``. The weight with
   the best mean macro F1 over both ways and both networks is chosen. The query plays no part.
2. *Query.* plkd learns both reference slices (the task's model, shared with ``transfer.py`` by
   ``--models``), annotates the two unseen ones, and their labels are smoothed slice by slice;
   adapted to the unlabelled spots of both (``model.adapt``), it annotates them again.

Weight 0 is annotation as it is. No spot is called unknown: peers, too, have to name each. Peers
are those of ``docs/results/peers.csv`` and of ``space_peers.py``; none is run here, and none of
them is smoothed. ``--page`` runs nothing and writes the page of the rows it finds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kept_models import fitted
from ours import ADAPTED, NETWORKS, without_obs
from predictions import BATCH, LABELS, name_columns
from results import read_rows as peer_rows
from space_page import CHOICE, OTHER_PEERS, QUERY, TASK, WHOLE, chosen_weight, page
from study.rows import Row, frame, read_rows, write_rows
from study.runs import say
from tasks import Task, TaskData, add_data_argument, data_folder, load_task, read_tasks

if TYPE_CHECKING:
    from anndata import AnnData

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
WEIGHTS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
CHOICE_SEED = 0
"""Seed of the two models that only the choice of the weight needs."""


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
    """Choose the weight, annotate and smooth the query, and write page and figure."""
    options = arguments(argv)
    file = options.out / "space.csv"
    if options.page:
        rows = read_rows(file)
    else:
        folder = data_folder(options.data)
        (task,) = read_tasks(folder, [TASK])
        rows = []
        for row in run(folder, task, options):
            rows.append(row)
            write_rows(file, rows)
    if not rows:
        raise SystemExit("nothing to show: space.csv has no rows")
    more = frame(read_rows(options.out / OTHER_PEERS))
    text = page(frame(rows), peer_rows(RESULTS / "peers.csv"), more)
    (options.out / "space.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def run(folder: Path, task: Task, options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of the choice, then those of the query; draw the figure on the way."""
    chosen = []
    for inner in choices(task):
        for row in rows_of(folder, inner, CHOICE_SEED, part=CHOICE, models=options.models):
            chosen.append(row)
            yield row
    weight = chosen_weight(frame(chosen))
    say(f"chosen on the reference: weight {weight:g}")
    for seed in options.seeds:
        drawn = options.out / "space.png" if seed == options.seeds[0] else None
        yield from rows_of(
            folder,
            task,
            seed,
            part=QUERY,
            models=options.models,
            shown=weight,
            figure=drawn,
        )


def choices(task: Task) -> list[Task]:
    """Return the tasks within the reference: each slice learned, the next one annotated."""
    slices = task.reference_batches
    ways = zip(slices, (*slices[1:], slices[0]), strict=True)
    return [
        replace(
            task,
            name=f"{TASK.partition(':')[0]}:{one}",
            reference_batches=(one,),
            query=task.reference,
            query_batches=(other,),
        )
        for one, other in ways
    ]


def rows_of(
    folder: Path,
    task: Task,
    seed: int,
    *,
    part: str,
    models: Path | None,
    shown: float | None = None,
    figure: Path | None = None,
) -> Iterator[Row]:
    """Yield how well each network does with each weight, and by layer with weights 0 and ``shown``.

    On the query the adapted Student takes part as well.

    Parameters
    ----------
    figure
        File to draw truth, annotation, smoothed labels and confidence of the Student into.
    """
    import plkd

    cells = load_task(folder, task)
    name_columns(cells)
    fit = fitted(cells.reference, folder, name=task.name, seed=seed, models=models)
    for method in (*NETWORKS, *([ADAPTED] if part == QUERY else [])):
        spots = without_obs(cells.query, but=[BATCH])
        model = fit.model.adapt(without_obs(spots)) if method == ADAPTED else fit.model
        network = NETWORKS.get(method, "student")
        plkd.tl.annotate(spots, model, with_=network, probabilities=True, false_alarm=0.0)
        head = {"part": part, "task": task.name, "method": method, "seed": seed}
        for weight in WEIGHTS:
            plkd.tl.smooth_labels(spots, batch_key=BATCH, weight=weight)
            for measures in scores(cells, spots, by_layer=weight in (0, shown)):
                yield {**head, "weight": weight, **measures}
        if figure is not None and method == "plkd student" and shown is not None:
            plkd.tl.smooth_labels(spots, batch_key=BATCH, weight=shown)
            draw(cells, spots, figure)
        say(f"{part}, {task.name}, {method}, seed {seed}: {spots.n_obs} spots")


def scores(cells: TaskData, spots: AnnData, *, by_layer: bool) -> list[dict[str, Any]]:
    """Return accuracy and macro F1 of the smoothed labels and, if asked for, F1 by layer."""
    from plkd.metrics import report

    truth = cells.query.obs[LABELS].to_numpy().astype(str)
    found = spots.obs["plkd_label_smoothed"].to_numpy().astype(str)
    scored = report(truth, found)
    share = spots.uns["plkd_smoothing"]["n_changed"] / spots.n_obs
    whole = {
        "layer": WHOLE,
        "accuracy": round(scored.accuracy, 5),
        "macro_f1": round(scored.macro_f1, 5),
        "changed": round(share, 5),
    }
    layers = [{"layer": each.type, "macro_f1": round(each.f1, 5)} for each in scored.per_type]
    return [whole, *(layers if by_layer else [])]


def draw(cells: TaskData, spots: AnnData, file: Path) -> None:
    """Draw the slices of the query, truth beside prediction."""
    import plkd

    shown = spots.copy()
    shown.obs[LABELS] = cells.query.obs[LABELS].astype(str).to_numpy()
    plkd.pl.spatial(shown, LABELS, batch_key=BATCH, save=file)


if __name__ == "__main__":
    raise SystemExit(main())
