"""What the paper says of peers that do not run here."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

# Table 2 of the paper as it stands there, figures run together.
PRINTED = """
Seurat0.7140.5280.6880.6050.6460.6300.7580.737
ACTINN0.8260.8030.8740.8000.7290.7040.7870.760
CellTypist0.8660.8520.9310.9300.7870.7020.7120.649
TOSICA0.9120.9020.9580.9350.9390.9310.8850.863
Cellcano0.8770.8260.9580.9550.8380.7610.7480.716
MetaTiME0.9100.9130.8700.8550.7380.7310.8690.842
Geneformer0.9310.8970.9680.9660.9470.9270.8560.846
scBERT0.9060.8850.9790.9780.9300.8970.8700.832
CellLM0.9220.8960.9660.9630.9340.9300.8360.821
LangCell0.9300.8960.9800.9580.9490.9320.8740.834
scGPT0.9250.8970.9450.9510.9530.9270.8660.849
KIDA0.9310.9020.9800.9720.9530.9470.8910.866
Ours0.9440.9210.9710.9630.9610.9550.9160.902
"""


def test_the_figures_are_the_papers(script: Callable[[str], ModuleType]) -> None:
    elsewhere = script("peers.elsewhere")
    lines = [
        ("Ours" if line.method == "the paper's own" else line.method)
        + "".join(f"{score:.3f}" for pair in line.scores for score in pair)
        for line in elsewhere.TABLE_2
    ]
    assert lines == PRINTED.split()


def test_every_line_says_how_it_stands_here(script: Callable[[str], ModuleType]) -> None:
    elsewhere = script("peers.elsewhere")
    lines = elsewhere.table().splitlines()
    assert lines[0] == "| method | BMMC | PBMC | DLPFC | Pan-cancer | here |"
    assert "| scGPT | 0.925 / 0.897 | 0.945 / 0.951 | 0.953 / 0.927 | 0.866 / 0.849 |" in lines[12]
    assert all(line.here for line in elsewhere.TABLE_2)
    assert elsewhere.table() in elsewhere.section()
