"""What all tests share: checked tensor shapes, one torch thread, the folder of real data."""

from __future__ import annotations

import os
from pathlib import Path

# Before numpy and torch start their thread pools: toy sizes run fastest on one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Newer instructions round otherwise, and what old models said was written down with these.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")

import pytest
from jaxtyping import install_import_hook

# From here on every import of these two packages checks the shapes in its annotations.
install_import_hook(["plkd.networks", "plkd.training"], "beartype.beartype")


def _data_folder(config: pytest.Config) -> Path | None:
    given = config.getoption("--plkd-data") or os.environ.get("PLKD_DATA")
    return Path(given).expanduser() if given else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--plkd-data",
        metavar="DIR",
        default=None,
        help="folder of real data sets for tests marked real_data (default: $PLKD_DATA)",
    )


def pytest_report_header(config: pytest.Config) -> str:
    folder = _data_folder(config)
    return f"real data: {folder or 'none given (PLKD_DATA or --plkd-data)'}"


@pytest.fixture(scope="session")
def data_dir(pytestconfig: pytest.Config) -> Path:
    """Folder of real data sets; the test is skipped where there is none."""
    folder = _data_folder(pytestconfig)
    if folder is None:
        pytest.skip("needs real data: set PLKD_DATA or pass --plkd-data DIR")
    if not folder.is_dir():
        pytest.fail(f"the folder of real data does not exist: {folder}")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> None:
    import torch

    torch.set_num_threads(1)
