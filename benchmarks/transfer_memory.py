"""Peak memory of every method on one task, each in a process of its own.

    python benchmarks/transfer_memory.py --data FOLDER [--task NAME] [--methods NAME ...]

writes ``docs/results/memory.csv``: the peak resident memory of a process that loads the task,
fits and annotates, with the seconds of both. Methods whose packages are not installed are
skipped, which is said, and keep the line that they have; run it once in each environment. The
page of ``transfer.py`` shows the peaks of its default task.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tasks import add_data_argument, data_folder, load_task, read_tasks

# No method is imported here but in the process that runs it: on Linux a process begins with its
# parent's peak as its own, so the parent has to stay small.

FILE = Path(__file__).resolve().parent.parent / "docs" / "results" / "memory.csv"
TASK = "kang8:donors"
GIB = 2**30


@dataclass(frozen=True)
class Peak:
    """What one method took on one task: GiB of resident memory at most, and seconds."""

    task: str
    method: str
    peak_gib: float
    fit_seconds: float
    predict_seconds: float


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--task", default=TASK, help=f"default: {TASK}")
    parser.add_argument("--methods", nargs="+", help="only these methods")
    parser.add_argument("--out", type=Path, default=FILE, help="default: docs/results/memory.csv")
    parser.add_argument("--here", metavar="METHOD", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the methods one after the other; with ``--here`` be the process that is measured."""
    options = arguments(argv)
    folder = data_folder(options.data)
    read_tasks(folder, [options.task])  # ends here where there is no such task
    if options.here:
        json.dump(measured_here(folder, options.task, options.here), sys.stdout)
        return 0
    for method in options.methods or methods_in_a_process():
        answer = in_a_process("--data", str(folder), "--task", options.task, "--here", method)
        if "missing" in answer:
            say(f"{method} is skipped: {answer['missing']}")
            continue
        peak = Peak(options.task, method, **answer)
        say(f"{method}: {peak.peak_gib:.2f} GiB, fit {peak.fit_seconds:.1f} s")
        write_lines(options.out, [*read_lines(options.out), peak])
    return 0


def measured_here(folder: Path, task: str, method: str) -> dict[str, float] | dict[str, str]:
    """Load the task, run the method, and return the peak memory of this process and seconds."""
    from transfer_methods import Bench

    bench = Bench(load_task(folder, read_tasks(folder, [task])[0]), folder)
    try:
        _, found = next(bench.run([method], 0))
    except ImportError as error:
        return {"missing": str(error)}
    return {
        "peak_gib": round(peak_bytes() / GIB, 3),
        "fit_seconds": round(found.fit_seconds, 3),
        "predict_seconds": round(found.predict_seconds, 3),
    }


def peak_bytes() -> int:
    """Return the highest resident memory that this process has had."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def methods_in_a_process() -> list[str]:
    """Return the names of all methods, asked of a process that may import them."""
    code = "import json; from transfer_methods import METHODS; print(json.dumps(METHODS))"
    return json.loads(_output(["-c", code]))


def in_a_process(*words: str) -> dict[str, float]:
    """Run this script in a process of its own and return the JSON of its last line."""
    return json.loads(_output([__file__, *words]).splitlines()[-1])


def _output(words: Sequence[str]) -> str:
    """Return what a fresh Python prints; its complaints go where ours go."""
    here = Path(__file__).resolve().parent
    return subprocess.run(
        [sys.executable, *words], cwd=here, stdout=subprocess.PIPE, check=True, text=True
    ).stdout


def read_lines(path: Path) -> list[Peak]:
    """Return the lines of a file, none where it does not exist."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Peak(line["task"], line["method"], *(float(line[name]) for name in MEASURES))
            for line in csv.DictReader(file)
        ]


def read_peaks(path: Path, task: str = TASK) -> dict[str, float]:
    """Return the peak of each method on a task in GiB, none where there is no file."""
    return {line.method: line.peak_gib for line in read_lines(path) if line.task == task}


def write_lines(path: Path, lines: Iterable[Peak]) -> None:
    """Write lines, the last one of each task and method, in the order they first came."""
    last = {(line.task, line.method): line for line in lines}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(line) for line in last.values())


def say(line: str) -> None:
    """Write a line of progress to stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


NAMES = [field.name for field in fields(Peak)]
MEASURES = NAMES[2:]


if __name__ == "__main__":
    raise SystemExit(main())
