"""What the rows of the integration benchmark say in sentences: what holds and what does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from integrated.means import BOTH, groups, is_there, rows_of, score
from integrated.names import (
    ALL,
    BATCHES,
    HARMONY,
    LOOKS,
    MEASURES,
    PAIRED,
    PCA,
    PCA_LSI,
    SCANVI,
    SCVI,
    UNSEEN,
)
from study.words import listed

if TYPE_CHECKING:
    import pandas as pd

NETWORKS = ("plkd student", "plkd teacher", "plkd adapted")
WORDS = {**MEASURES, BOTH: "mean"}


def sentences(table: pd.DataFrame) -> list[str]:
    """Return what the numbers show, of what has run."""
    said = []
    for part, data in groups(table):
        for method in NETWORKS:
            if part == BATCHES:
                said.append(on_batches(table, data, method))
            else:
                said.append(on_multiome(table, part, data, method))
    return [sentence for sentence in said if sentence]


def on_batches(table: pd.DataFrame, data: str, method: str) -> str:
    """Return how a network stands to the peers on kBET and cell type ASW."""
    own = rows_of(table, BATCHES, data, ALL)
    if not is_there(score(own, method, BOTH)):
        return ""
    untold = (PCA, HARMONY, SCVI)
    first = verdict(own, method, {"kbet": untold, "cell_type_asw": untold})
    second = verdict(own, method, {BOTH: (SCANVI,)})
    unseen = rows_of(table, BATCHES, data, UNSEEN)
    third = verdict(unseen, method, {"cell_type_asw": (*untold, SCANVI)})
    return (
        f"`{data}`, the {LOOKS[method].name}. Both measures above PCA, Harmony and scVI: {first} "
        f"Above scANVI on their mean: {second} Cell type ASW of the query's cells alone, above all "
        f"four: {third}"
    )


def on_multiome(table: pd.DataFrame, part: str, data: str, method: str) -> str:
    """Return how a network stands to the peers on the overall score, over all and unseen cells."""
    said = []
    for cells, which in ((ALL, "All cells"), (UNSEEN, "Unseen cells alone")):
        own = rows_of(table, part, data, cells)
        mine = score(own, method, "overall")
        if is_there(mine):
            peers = (PCA_LSI, HARMONY) if part == PAIRED else (PCA, HARMONY, SCVI, SCANVI)
            found = verdict(own, method, {"overall": peers})
            said.append(f"{which}: {found}")
    name = LOOKS[method].name
    return f"`{data}`, {part}, the {name}, overall score. {' '.join(said)}" if said else ""


def verdict(own: pd.DataFrame, method: str, checks: Mapping[str, Sequence[str]]) -> str:
    """Return whether a method is above peers on measures, with every number.

    Parameters
    ----------
    own
        Rows of one group and of one kind of cells.
    checks
        For each measure the peers to be above.
    """
    said, holds, missing = [], True, []
    for measure, peers in checks.items():
        mine = score(own, method, measure)[0]
        sides: dict[str, list[str]] = {"above": [], "not above": []}
        for peer in peers:
            theirs = score(own, peer, measure)
            if is_there(theirs):
                side = "above" if mine > theirs[0] else "not above"
                sides[side].append(f"{LOOKS[peer].name} ({theirs[0]:.3f})")
            else:
                missing.append(LOOKS[peer].name)
        holds &= not sides["not above"]
        beside = [f"{side} {listed(names)}" for side, names in sides.items() if names]
        said += [f"{WORDS[measure]} {mine:.3f}, {', '.join(beside)}"] * bool(beside)
    lacking = f"; not run: {listed(list(dict.fromkeys(missing)))}" if missing else ""
    if not said:
        return f"nothing to compare{lacking}."
    answer = "holds as far as run" if holds and missing else "holds" if holds else "does not hold"
    return f"**{answer}** ({'; '.join(said)}{lacking})."
