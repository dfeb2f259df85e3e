"""Peers of the paper that cannot run beside plkd: what the paper says of them, and why not here.

The figures are those of Table 2 of Zhang, Ren & Li, Biology 2026, 15(1), 2.
"""

from __future__ import annotations

from dataclasses import dataclass

DATA_SETS = ("BMMC", "PBMC", "DLPFC", "Pan-cancer")
Scores = tuple[float, float]


@dataclass(frozen=True)
class Reported:
    """A line of the paper's Table 2: accuracy and macro F1 on each of its data sets."""

    method: str
    scores: tuple[Scores, Scores, Scores, Scores]
    here: str


WEIGHTS = "needs weights pretrained on millions of cells"

# fmt: off
TABLE_2 = (
    Reported("Seurat",
             ((0.714, 0.528), (0.688, 0.605), (0.646, 0.630), (0.758, 0.737)),
             "needs R"),
    Reported("ACTINN",
             ((0.826, 0.803), (0.874, 0.800), (0.729, 0.704), (0.787, 0.760)),
             "as `mlp`, written anew"),
    Reported("CellTypist",
             ((0.866, 0.852), (0.931, 0.930), (0.787, 0.702), (0.712, 0.649)),
             "as `celltypist`"),
    Reported("TOSICA",
             ((0.912, 0.902), (0.958, 0.935), (0.939, 0.931), (0.885, 0.863)),
             "as `tosica-like`, of plkd's parts"),
    Reported("Cellcano",
             ((0.877, 0.826), (0.958, 0.955), (0.838, 0.761), (0.748, 0.716)),
             "needs R and TensorFlow 2.7"),
    Reported("MetaTiME",
             ((0.910, 0.913), (0.870, 0.855), (0.738, 0.731), (0.869, 0.842)),
             "brings signatures of tumours; learns from no reference"),
    Reported("Geneformer",
             ((0.931, 0.897), (0.968, 0.966), (0.947, 0.927), (0.856, 0.846)),
             WEIGHTS),
    Reported("scBERT",
             ((0.906, 0.885), (0.979, 0.978), (0.930, 0.897), (0.870, 0.832)),
             WEIGHTS),
    Reported("CellLM",
             ((0.922, 0.896), (0.966, 0.963), (0.934, 0.930), (0.836, 0.821)),
             WEIGHTS),
    Reported("LangCell",
             ((0.930, 0.896), (0.980, 0.958), (0.949, 0.932), (0.874, 0.834)),
             WEIGHTS),
    Reported("scGPT",
             ((0.925, 0.897), (0.945, 0.951), (0.953, 0.927), (0.866, 0.849)),
             WEIGHTS),
    Reported("KIDA",
             ((0.931, 0.902), (0.980, 0.972), (0.953, 0.947), (0.891, 0.866)),
             "sees the query as it learns; no released package known"),
    Reported("the paper's own",
             ((0.944, 0.921), (0.971, 0.963), (0.961, 0.955), (0.916, 0.902)),
             "as `plkd teacher` and `plkd student`, written anew"),
)
# fmt: on


def section() -> str:
    """Return what the page says of these peers, in Markdown."""
    return f"{INTRODUCTION}\n\n{table()}"


INTRODUCTION = (
    "The paper compares with methods that are not run here. Its figures, accuracy / macro F1 "
    "(Table 2), are on other data and other splits than the tables above and are not to be "
    "compared with them; the lines of those that do run here are given for scale."
)


def table() -> str:
    """Return Table 2 in Markdown, with a column that says whether a method runs here."""
    lines = [["method", *DATA_SETS, "here"], ["---"] * (len(DATA_SETS) + 2)]
    for line in TABLE_2:
        scores = [f"{accuracy:.3f} / {f1:.3f}" for accuracy, f1 in line.scores]
        lines.append([line.method, *scores, line.here])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
