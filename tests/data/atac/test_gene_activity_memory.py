"""The memory that gene activity takes does not grow with the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from toy_genome import gtf_text, peak_matrix, toy_genes, toy_peaks, write

CODE = """
import sys
import plkd
path, genes, out = sys.argv[1:]
options = {"barcodes": ["A", "B"]} if path.endswith("tsv") else {"chunk_size": 1000}
plkd.pp.gene_activity_file(path, genes, out, check_build=False, **options)
with open("/proc/self/status") as lines:
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""
GENES = toy_genes(300)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc"),
]


def peak(path: Path) -> int:
    """Return the largest resident size, in bytes, of a process that makes the activity."""
    genes = write(path.with_name("genes.gtf"), gtf_text(GENES))
    out = path.with_name("out.h5ad")
    command = [sys.executable, "-c", CODE, str(path), str(genes), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    out.unlink()
    return int(done.stdout.split()[-1]) * 1024


def test_of_peaks(tmp_path: Path) -> None:
    sizes, peaks = [], []
    for n_cells in (4_000, 40_000):
        path = tmp_path / f"{n_cells}.h5ad"
        peak_matrix(toy_peaks(GENES, 1000), n_cells).write_h5ad(path)
        sizes.append(path.stat().st_size)
        peaks.append(peak(path))
    assert sizes[1] - sizes[0] > 90e6  # what reading it whole would cost, at the least
    assert peaks[1] - peaks[0] < 0.4 * (sizes[1] - sizes[0])


def test_of_fragments(tmp_path: Path) -> None:
    rng, sizes, peaks = np.random.default_rng(0), [], []
    for n in (1_500_000, 6_000_000):
        path = tmp_path / f"{n}.tsv"
        starts = np.sort(rng.integers(0, 39_000_000, n)).tolist()
        path.write_text("".join(f"chr1\t{s}\t{s + 200}\t{'ABCD'[s % 4]}\t1\n" for s in starts))
        sizes.append(path.stat().st_size)
        peaks.append(peak(path))
    assert sizes[1] - sizes[0] > 100e6
    assert peaks[1] - peaks[0] < 0.4 * (sizes[1] - sizes[0])
