"""Speed and memory: training step, annotation, peak memory, the command line's answers.

    python benchmarks/speed.py --data FOLDER [--peers-python PYTHON]

Measures, each alone with ``--only``:

teacher
    A training step of the Teacher in cells per second, side by side with a literal reference in
    the arrangement of the method's authors (``literal_teacher.py``), and where our step's time
    goes, against the machine's own rate of multiplication.
annotate
    From an h5ad on disk to labels on disk, imports apart: plkd's Student, CellTypist, and only
    reading the file. Every run is a process of its own; runs are interleaved.
memory
    Peak memory of ``plkd annotate`` as a command.
cli
    Seconds that ``plkd --help`` and ``plkd annotate`` of 1,000 cells take in all.

What was measured is kept in ``docs/results/speed.json``; ``speed.md`` beside it is written from
all that is there. Let nothing else run on the machine. This process imports nothing heavy and
does no work itself, so that the memory it reports of a child is the child's own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speed_page import page
from tasks import add_data_argument, data_folder

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "results"
MEASURES = ("teacher", "annotate", "memory", "cli")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=MEASURES)
    parser.add_argument("--cells", type=int, default=200_000, help="cells of 'annotate'")
    parser.add_argument("--memory-cells", type=int, default=500_000, help="cells of 'memory'")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="our mini-batches a round")
    parser.add_argument("--peers-python", default=sys.executable, help="a Python with CellTypist")
    parser.add_argument("--scratch", type=Path, help="folder for big files (default: temporary)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of speed.json and .md")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for, then write the page from all that was ever measured."""
    options = arguments(argv)
    data = data_folder(options.data)
    options.out.mkdir(parents=True, exist_ok=True)
    record = options.out / "speed.json"
    found: dict[str, Any] = json.loads(record.read_text()) if record.is_file() else {}
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="plkd-speed-") as folder:
        scratch = Path(folder)
        for name in options.only:
            say(f"measuring: {name}")
            found[name] = {
                "teacher": measure_teacher,
                "annotate": measure_annotation,
                "memory": measure_memory,
                "cli": measure_cli,
            }[name](options, data, scratch)
            found[name]["machine"] = machine()
            record.write_text(json.dumps(found, indent=1) + "\n")
    text = page(found)
    (options.out / "speed.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def measure_teacher(options: argparse.Namespace, data: Path, scratch: Path) -> dict[str, Any]:
    """Return the rates of both arrangements and the parts of our step."""
    del scratch
    return script(
        "speed_teacher.py",
        f"--data={data}",
        f"--rounds={options.rounds}",
        f"--steps={options.steps}",
    )


def measure_annotation(options: argparse.Namespace, data: Path, scratch: Path) -> dict[str, Any]:
    """Return the seconds of plkd, CellTypist and only reading, several runs of each."""
    query = made("query", data, scratch / "query.h5ad", cells=options.cells)
    model = made("plkd", data, scratch / "model")
    typist = made("celltypist", data, scratch / "model.pkl", python=options.peers_python)
    runs = {
        "plkd": [f"--model={model}", f"--out={scratch / 'out.h5ad'}"],
        "celltypist": [f"--model={typist}", f"--out={scratch / 'out.csv'}"],
        "read": [],
        "read-anndata": [],
    }
    spans: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
    script("speed_annotation.py", "read", query)  # the file is in memory for all of them
    for number in range(options.rounds):
        for name, more in runs.items():
            python = options.peers_python if name == "celltypist" else sys.executable
            spans[name].append(script("speed_annotation.py", name, query, *more, python=python))
        last = ", ".join(f"{name} {runs[-1]['all']:.2f} s" for name, runs in spans.items())
        say(f"annotate, round {number + 1}/{options.rounds}: {last}")
    return {
        "n_cells": options.cells,
        "file_bytes": query.stat().st_size,
        "seconds": spans,
    }


def measure_memory(options: argparse.Namespace, data: Path, scratch: Path) -> dict[str, Any]:
    """Return the peak memory and the time of ``plkd annotate`` on a big file."""
    query = made("query", data, scratch / "big.h5ad", cells=options.memory_cells)
    model = made("plkd", data, scratch / "model")
    out = scratch / "big-annotated.h5ad"
    seconds, peak = command("annotate", query, "--model", model, "--out", out)
    empty = command("--help")[1]
    size = query.stat().st_size
    for file in (query, out):
        file.unlink()
    return {
        "n_cells": options.memory_cells,
        "file_bytes": size,
        "peak_bytes": peak,
        "help_peak_bytes": empty,
        "seconds": seconds,
    }


def measure_cli(options: argparse.Namespace, data: Path, scratch: Path) -> dict[str, Any]:
    """Return the seconds of two commands, start to end, imports counted."""
    query = made("query", data, scratch / "small.h5ad", cells=1000)
    model = made("plkd", data, scratch / "model")
    out = scratch / "small-annotated.h5ad"
    spans: dict[str, list[float]] = {"help": [], "annotate": []}
    for number in range(options.rounds + 1):
        out.unlink(missing_ok=True)
        pair = (command("--help")[0], command("annotate", query, "--model", model, "--out", out)[0])
        if number:  # the first round fills the file cache
            spans["help"].append(pair[0])
            spans["annotate"].append(pair[1])
    medians = {name: statistics.median(values) for name, values in spans.items()}
    say(f"cli: {medians}")
    return {"n_cells": 1000, "seconds": spans}


def made(what: str, data: Path, out: Path, *, cells: int = 0, python: str = sys.executable) -> Path:
    """Return a file or model of ``speed_files.py``, made where it is not there yet."""
    if not out.exists():
        say(f"making {out.name}")
        arguments = [what, f"--data={data}", f"--out={out}", f"--cells={cells}"]
        run([python, HERE / "speed_files.py", *arguments])
    return out


def script(name: str, *words: object, python: str = sys.executable) -> dict[str, Any]:
    """Return the JSON that another script of this folder prints."""
    return json.loads(run([python, HERE / name, *words]))


def run(words: Sequence[object]) -> str:
    """Return what a child process prints; its stderr is ours.

    Raises
    ------
    SystemExit
        It failed.
    """
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{Path(str(words[1])).name} failed with code {done.returncode}")
    return done.stdout


def command(*words: object) -> tuple[float, int]:
    """Return wall seconds and peak bytes of memory of a ``plkd`` command.

    Raises
    ------
    SystemExit
        It failed.
    """
    start = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "plkd", *map(str, words)], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if child.returncode:
        raise SystemExit(f"plkd {words[0]} failed with code {child.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit


def machine() -> str:
    """Return processors, threads and versions in words."""
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{os.cpu_count()} CPU cores, OMP_NUM_THREADS {threads}, Python {python}"


def say(line: str) -> None:
    """Write a line of progress to stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
