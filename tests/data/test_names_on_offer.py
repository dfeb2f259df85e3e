from __future__ import annotations

import subprocess
import sys

import pytest

import plkd.data


@pytest.mark.parametrize("name", plkd.data.__all__)
def test_every_name_is_handed_on(name: str) -> None:
    assert not isinstance(getattr(plkd.data, name), type(sys))
    assert name in dir(plkd.data)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match=r"'plkd.data' has no attribute 'nothing'"):
        _ = plkd.data.nothing


def test_importing_costs_nothing() -> None:
    code = (
        "import sys, plkd.data\n"
        "print(any(name in sys.modules for name in ('numpy', 'scipy', 'anndata', 'h5py')))\n"
        "plkd.data.match_genes, plkd.data.to_log1p, plkd.data.open_h5ad\n"
        "print(any(name in sys.modules for name in ('anndata', 'scanpy', 'pandas', 'torch')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
