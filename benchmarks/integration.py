"""Batches and modalities joined: our embeddings against PCA, Harmony, scVI and scANVI.

    python benchmarks/integration.py --data FOLDER

writes ``docs/results/integration.csv`` (one line an embedding, and one for the unseen cells of it),
``integration.md`` (Table 3's and Figure 6's measures, and what they show) and ``integration.png``.
What is joined, and by whom, is at the head of ``integrated/scenes.py``; the peers' settings are at
that of ``peers/embeddings.py``. Peers' lines are kept and not run again unless ``--refresh-peers``
is given; plkd's are run again each time, but for ``--resume``. A peer that is not installed is
skipped, which is said, and can be added from an environment that has it, with or without plkd:

    peers/bin/python benchmarks/integration.py --data FOLDER --methods harmony scvi scanvi
    python benchmarks/integration.py --data FOLDER

With ``--models`` the fitted models of plkd are kept and taken from there, shared with
``transfer.py``. Where there are more cells than ``--max-cells``, so many are drawn by chance, the
same ones for every method: some measures take time and memory with the square of the cells.
``--page`` runs nothing and writes page and figure of the rows that there are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from integrated.figure import figure
from integrated.multiome import Multiome
from integrated.names import BATCHES, METHODS, PAIRED, PARTS, PEERS, UNPAIRED
from integrated.page import page
from integrated.rows import is_plkd_installed, key_of, measured, replaced, run_key
from integrated.scenes import (
    Scene,
    batch_scene,
    models_in,
    paired_scene,
    unpaired_scene,
)
from study.figures import save
from study.rows import Row, frame, read_rows, write_rows
from study.runs import say
from tasks import add_data_argument, data_folder, load_task, read_tasks

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
TASKS = ("pbmc:to_kang_stim", "pbmc:to_pbmc3k", "pbmc:to_zheng", "kang8:donors")
CORTEX = ("cortex:rna", "cortex:atac")
REGIONS = "snareseq_cortex_atac_regions.h5ad"
MAX_CELLS = 10_000


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="these parts")
    parser.add_argument("--tasks", nargs="+", default=TASKS, help="tasks of the part 'batches'")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--max-cells", type=int, default=MAX_CELLS, help=f"default: {MAX_CELLS}")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keep plkd's fitted models")
    parser.add_argument("--refresh-peers", action="store_true", help="run kept peers again")
    parser.add_argument("--resume", action="store_true", help="keep plkd's lines as well")
    parser.add_argument("--page", action="store_true", help="run nothing, write page and figure")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for and missing, then write page and figure from all rows."""
    options = arguments(argv)
    file = options.out / "integration.csv"
    rows = read_rows(file)
    if not options.page:
        rows = run(options, data_folder(options.data), rows, file)
    if not rows:
        raise SystemExit("nothing to show: integration.csv has no rows")
    table = frame(rows)
    text = page(table)
    (options.out / "integration.md").write_text(text, encoding="utf-8")
    save(figure(table), options.out / "integration.png")
    sys.stdout.write(text)
    return 0


def run(options: argparse.Namespace, folder: Path, rows: list[Row], file: Path) -> list[Row]:
    """Return all rows, each new run written to the file at once."""
    absent: set[str] = set()
    if not is_plkd_installed():
        absent = set(METHODS) - set(PEERS)
        if absent & set(options.methods):
            say("plkd's own are skipped: it is not installed here")
    done = {key_of(row) for row in rows if is_kept(row["method"], options)}
    for part, task, make in scenes(options, folder):
        missing = [
            (method, seed)
            for seed in options.seeds
            for method in options.methods
            if run_key(part, task, method, seed) not in done
        ]
        if all(method in absent for method, _ in missing):
            continue
        scene = make()
        for method, seed in missing:
            known = method in scene.peers or method in scene.ours
            if not known or method in absent or run_key(part, task, method, seed) in done:
                continue
            new = new_rows(scene, method, seed, options.max_cells, absent)
            if new:
                rows = replaced(rows, new)
                done.add(run_key(part, task, method, seed))
                write_rows(file, rows)
    return rows


def is_kept(method: str, options: argparse.Namespace) -> bool:
    """Say whether rows of a method are taken as they are."""
    return not options.refresh_peers if method in PEERS else options.resume


def scenes(
    options: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, str, Callable[[], Scene]]]:
    """Yield part, task and what loads the cells, of all that is asked for."""
    models = models_in(folder, options.models)
    if BATCHES in options.parts:
        for task in read_tasks(folder, options.tasks):
            yield (
                BATCHES,
                task.name,
                lambda its=task: batch_scene(load_task(folder, its), models),
            )
    kept: list[Multiome] = []
    for part, make in ((PAIRED, paired_scene), (UNPAIRED, unpaired_scene)):
        if part in options.parts:
            yield part, CORTEX[0], lambda its=make: its(multiome(folder, kept), models)


def multiome(folder: Path, kept: list[Multiome]) -> Multiome:
    """Return RNA, gene activity and regions of the cortex, loaded once.

    Raises
    ------
    SystemExit
        The file of the regions is not in the folder.
    """
    import anndata

    if not kept:
        if not (folder / REGIONS).is_file():
            raise SystemExit(f"{folder} holds no {REGIONS}. Leave it out: --parts {BATCHES}")
        rna, atac = (load_task(folder, task) for task in read_tasks(folder, CORTEX))
        kept.append(Multiome(rna, atac, anndata.read_h5ad(folder / REGIONS)))
    return kept[0]


def new_rows(scene: Scene, method: str, seed: int, max_cells: int, absent: set[str]) -> list[Row]:
    """Return the rows of one run; none, and a word on stderr, where a package lacks."""
    start = time.perf_counter()
    try:
        embedding = scene.embedded(method, seed)
    except ImportError as error:
        if method not in PEERS:
            raise
        say(f"  {method} is skipped: {error}")
        absent.add(method)
        return []
    seconds = round(time.perf_counter() - start, 1)
    head = {"part": scene.part, "task": scene.task, "method": method, "seed": seed}
    rows = [
        {**row, "seconds": seconds} for row in measured(scene, embedding, head, max_cells=max_cells)
    ]
    first = rows[0]
    say(
        f"{scene.part}, {scene.task}, {method}, seed {seed}: kBET {first['kbet']:.3f}, cell type "
        f"ASW {first['cell_type_asw']:.3f}, {seconds:.0f} s"
    )
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
