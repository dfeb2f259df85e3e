"""Two processes train one model: gradients are shared, and one of them saves."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import plkd
from toy import toy_query, toy_reference


@pytest.mark.slow
def test_two_devices_train_one_model(tmp_path):
    toy_reference(300).write_h5ad(tmp_path / "reference.h5ad")
    command = [sys.executable, "-m", "plkd", "train", "reference.h5ad", "--out", "model"]
    command += ["--labels", "cell_type", "--batch", "batch", "--device", "cpu", "--devices", "2"]
    command += ["--patterns", "12", "--epochs", "150", "--threads", "1"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained on 300 cells") == 1
    query = toy_query(100)
    plkd.tl.annotate(query, plkd.CellAnnotator.load(tmp_path / "model"))
    right = query.obs["plkd_label"].astype(str) == query.obs["cell_type"].astype(str)
    assert right.mean() > 0.8
