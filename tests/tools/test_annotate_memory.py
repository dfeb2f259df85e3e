"""The memory that annotating a file takes does not grow with the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from toy import toy_query

CODE = """
import sys
from plkd import CellAnnotator
from plkd.tools.annotate import annotate_file
model, path, out = sys.argv[1:]
annotate_file(path, CellAnnotator.load(model), out, chunk_size=1000, probabilities=True)
with open("/proc/self/status") as lines:
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def stored_bytes(path: Path) -> int:
    with h5py.File(path) as file:
        return sum(file["X"][part].nbytes for part in ("data", "indices"))


def peak(model: Path, path: Path) -> int:
    """Return the largest resident size, in bytes, of a process that annotates the file."""
    command = [sys.executable, "-c", CODE, str(model), str(path), str(path.with_name("out.h5ad"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path.with_name("out.h5ad").unlink()
    return int(done.stdout.split()[-1]) * 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_memory_does_not_grow_with_the_query(tmp_path, annotator):
    annotator.save(tmp_path / "model")
    sizes, peaks = [], []
    for n_cells in (5_000, 40_000):
        path = tmp_path / f"{n_cells}.h5ad"
        toy_query(n_cells, n_genes=300).write_h5ad(path)
        sizes.append(stored_bytes(path))
        peaks.append(peak(tmp_path / "model", path))
    assert sizes[1] - sizes[0] > 30e6  # what reading it whole would cost, at the least
    assert peaks[1] - peaks[0] < 0.4 * (sizes[1] - sizes[0])
