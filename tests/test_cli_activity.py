"""The command ``plkd gene-activity``, on real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import plkd
from plkd.cli import app
from plkd.cli.progress_bars import cell_progress
from toy_genome import fragments_text, gtf_text, peak_matrix, toy_genes, toy_peaks, write

GENES = toy_genes(1000)
PEAKS = toy_peaks(GENES, 900)


def invoke(*args: object) -> Result:
    return CliRunner().invoke(app, ["gene-activity", *map(str, args)])


def one_line_of_error(result: Result) -> str:
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.fixture
def gtf(tmp_path: Path) -> Path:
    return write(tmp_path / "genes.gtf", gtf_text(GENES))


@pytest.fixture
def peaks(tmp_path: Path) -> Path:
    peak_matrix(PEAKS).write_h5ad(tmp_path / "peaks.h5ad")
    return tmp_path / "peaks.h5ad"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "activity.h5ad"


def test_peaks(peaks: Path, gtf: Path, out: Path) -> None:
    result = invoke(peaks, "--genes", gtf, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    found = anndata.read_h5ad(out)
    expected = plkd.pp.gene_activity(anndata.read_h5ad(peaks), gtf)
    np.testing.assert_array_equal(found.X.toarray(), expected.X.toarray())
    said = " ".join(result.stdout.split())
    assert "Added up 900 peaks of 30 cells for 800 genes (protein_coding) of genes.gtf in" in said
    assert "In genes: " in said
    assert "times as many peaks near the starts of genes" in said
    assert f"Written: {out}" in said


def test_options_reach_the_work(peaks: Path, gtf: Path, out: Path) -> None:
    options = "--upstream 100 --downstream 50 --biotype lncRNA --chunk-size 7 --json - --quiet"
    result = invoke(peaks, "-g", gtf, "-o", out, *options.split())
    numbers: dict[str, Any] = json.loads(result.stdout)
    assert (numbers["upstream"], numbers["downstream"]) == (100, 50)
    assert (numbers["biotypes"], numbers["n_genes"]) == (["lncRNA"], 200)
    assert numbers["out"] == str(out)
    all_kinds = invoke(
        peaks, "-g", gtf, "-o", out, "--overwrite", "--biotype", "all", "--json", "-"
    )
    assert json.loads(all_kinds.stdout)["n_genes"] == 1000


def test_fragments(gtf: Path, out: Path, tmp_path: Path) -> None:
    text, _ = fragments_text(GENES, ["A-1", "B-1", "C-1"], 600)
    fragments = write(tmp_path / "fragments.tsv.gz", text)
    barcodes = write(tmp_path / "barcodes.tsv", "C-1\nA-1\n")
    result = invoke(fragments, "--genes", gtf, "--out", out, "--barcodes", barcodes)
    assert result.exit_code == 0, result.output
    assert list(anndata.read_h5ad(out).obs_names) == ["C-1", "A-1"]
    assert "fragments of 2 cells" in result.stdout
    few = invoke(fragments, "--genes", gtf, "--out", out, "--overwrite", "--min-fragments", "10")
    assert few.exit_code == 0, few.output
    assert anndata.read_h5ad(out).n_obs == 3


def test_another_build_is_refused_in_one_line(gtf: Path, out: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.h5ad"
    peak_matrix([(c, s + 137_000, e + 137_000) for c, s, e in PEAKS]).write_h5ad(path)
    line = one_line_of_error(invoke(path, "--genes", gtf, "--out", out))
    assert "another build or organism" in line
    assert "--no-build-check" in line
    assert not out.exists()
    assert invoke(path, "--genes", gtf, "--out", out, "--no-build-check").exit_code == 0


def test_unknown_chromosomes_are_named(gtf: Path, out: Path, tmp_path: Path) -> None:
    path = tmp_path / "more.h5ad"
    more = [(f"scaffold_{i}", 5, 9) for i in range(7)]
    peak_matrix([*PEAKS, *more]).write_h5ad(path)
    result = invoke(path, "--genes", gtf, "--out", out)
    assert "Not in the annotation: scaffold_0, " in result.stdout
    assert "scaffold_4 and 2 more." in result.stdout


def test_an_output_that_exists_is_refused(peaks: Path, gtf: Path, out: Path) -> None:
    write(out, "mine")
    assert "one that exists" in one_line_of_error(invoke(peaks, "--genes", gtf, "--out", out))
    assert out.read_text() == "mine"


@pytest.mark.parametrize("missing", ["peaks", "genes"])
def test_missing_files_are_refused(peaks: Path, gtf: Path, out: Path, missing: str) -> None:
    (peaks if missing == "peaks" else gtf).unlink()
    assert "found nothing there" in one_line_of_error(invoke(peaks, "--genes", gtf, "--out", out))


@pytest.mark.parametrize(
    "args",
    [
        ["peaks.h5ad", "--out", "o.h5ad"],
        ["peaks.h5ad", "--genes", "g.gtf"],
        ["peaks.h5ad", "--genes", "g.gtf", "--out", "o.h5ad", "--upstream", "-1"],
    ],
)
def test_wrong_usage_is_exit_code_2(args: list[str]) -> None:
    result = invoke(*args)
    assert result.exit_code == 2
    assert "Usage" in result.stderr


def test_progress_says_what_is_counted() -> None:
    console = Console(force_terminal=True, width=100)
    with console.capture() as shown, cell_progress("adding up", unit="MB", console=console) as tell:
        assert tell is not None
        tell(3, 9)
    assert "adding up" in shown.get()
    assert "MB" in shown.get()
