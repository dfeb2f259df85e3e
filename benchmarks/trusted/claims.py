"""What the rows say in sentences: each line of what is aimed at, with its measured value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import plus_minus
from study.words import listed, verdict
from trusted import names
from trusted.cost import DISK, MEMORY, medians
from trusted.names import CELLTYPIST, FROM_LEFT_OUT, LOOKS, PEERS, PLKD, SCANVI, SOFTMAX
from trusted.tables import by_task, known_rows, novelty_rows, present, score, whole_beside

if TYPE_CHECKING:
    import pandas as pd


def sentences(table: pd.DataFrame, cost: pd.DataFrame, source: str) -> list[str]:
    """Return a sentence for each aim.

    Parameters
    ----------
    table
        All rows.
    cost
        Seconds of every round; may be empty.
    source
        Which rows of known cells are meant, from :func:`trusted.tables.shown_source`.
    """
    novel, known = novelty_rows(table), known_rows(table, source)
    whole = whole_beside(table, source)
    return [
        novelty_claim(novel),
        unknown_claim(novel, known, source),
        calibration_claim(known),
        sets_claim(known),
        cost_claim(cost),
        *([whole_claim(whole)] if len(whole) else []),
    ]


def novelty_claim(novel: pd.DataFrame) -> str:
    """Return how a left-out type stands out, against max softmax and the peers."""
    mine, plain = (score(novel, method, "auroc") for method in (PLKD, SOFTMAX))
    if not (is_there(mine) and is_there(plain)):
        return not_yet("AUROC of novelty")
    apart = mine[0] - plain[0]
    checks = (mine[0] > names.AUROC, apart >= names.ABOVE_SOFTMAX)
    said = (
        f"{verdict(checks)}: AUROC of the novelty of a left-out type {plus_minus(*mine)} (aim: "
        f"above {names.AUROC:.2f}, {met(checks[0])}), {apart:+.3f} to max softmax of the same fits "
        f"({plus_minus(*plain)}; aim: at least {names.ABOVE_SOFTMAX:+.2f}, {met(checks[1])})."
    )
    peers = [(peer, score(novel, peer, "auroc")) for peer in present(novel, PEERS)]
    there = [f"{LOOKS[peer].name} {plus_minus(*found)}" for peer, found in peers if is_there(found)]
    if there:
        said += f" Peers: {listed(there)}."
    left_out = novel.drop_duplicates("task").set_index("task")["left_out"]
    low = [
        f"`{task}` (without {left_out[task]}, {value:.3f})"
        for task, value in by_task(novel, PLKD, "auroc").items()
        if value <= names.AUROC
    ]
    return f"{said} Not above {names.AUROC:.2f}: {listed(low)}." if low else said


def unknown_claim(novel: pd.DataFrame, known: pd.DataFrame, source: str) -> str:
    """Return how many known cells are called unknown beside a new type and, if run, without it."""
    among, alone = (score(rows, PLKD, "unknown_of_known") for rows in (novel, known))
    if not (is_there(among) and is_there(alone)):
        return not_yet("the share of known cells called unknown")
    checks = [value[0] <= names.UNKNOWN_OF_KNOWN for value in (among, alone)]
    caught, kept = (score(novel, PLKD, name)[0] for name in ("unknown_of_new", "accuracy_of_kept"))
    most = by_task(known, PLKD, "unknown_of_known")
    beside = "" if source == FROM_LEFT_OUT else f", {percent(alone)} where all types are known"
    above = [f"`{t}` {100 * v:.1f} %" for t, v in most.items() if v > names.UNKNOWN_OF_KNOWN]
    said = (
        f"{verdict(checks)}: at the default threshold {percent(among)} of the cells of known types "
        f"are called unknown where one type was left out{beside} "
        f"(aim: at most {100 * names.UNKNOWN_OF_KNOWN:.0f} %); of the left-out type "
        f"{100 * caught:.1f} %. The known cells that are kept are named right in "
        f"{100 * kept:.1f} % of the cases."
    )
    return f"{said} Above {100 * names.UNKNOWN_OF_KNOWN:.0f} %: {listed(above)}." if above else said


def calibration_claim(known: pd.DataFrame) -> str:
    """Return the calibration error, against the aim and CellTypist and scANVI."""
    mine = score(known, PLKD, "ece")
    if not is_there(mine):
        return not_yet("the calibration error")
    checks = [mine[0] <= names.ECE]
    said = [f"(aim: at most {names.ECE:.2f}, {met(checks[0])})"]
    missing = []
    for peer in (CELLTYPIST, SCANVI):
        theirs = score(known, peer, "ece")
        if not is_there(theirs):
            missing.append(LOOKS[peer].name + on_some_tasks(known, peer))
            continue
        half = mine[0] <= names.OF_THE_PEERS_ECE * theirs[0]
        checks.append(half)
        said.append(
            f"{mine[0] / theirs[0]:.2f} of {LOOKS[peer].name}'s {plus_minus(*theirs)} (aim: at "
            f"most {names.OF_THE_PEERS_ECE:.1f}, {met(half)})"
        )
    plain = score(known, SOFTMAX, "ece")
    tail = f" Uncalibrated: {plus_minus(*plain)}." if is_there(plain) else ""
    if missing:
        tail += f" Not run on every task: {listed(missing)}."
    return f"{verdict(checks)}: ECE of the confidence {plus_minus(*mine)} {listed(said)}.{tail}"


def on_some_tasks(known: pd.DataFrame, peer: str) -> str:
    """Return the calibration error of a peer on the tasks that it ran on, and plkd's on these."""
    theirs, mine = (by_task(known, method, "ece") for method in (peer, PLKD))
    shared = theirs.index.intersection(mine.index)
    if not len(shared):
        return ""
    return (
        f" ({len(shared)} of {known['task'].nunique()} tasks: {theirs[shared].mean():.3f}; "
        f"plkd on the same {mine[shared].mean():.3f})"
    )


def sets_claim(known: pd.DataFrame) -> str:
    """Return coverage and size of the sets of types, and the worst batch."""
    coverage, size = (score(known, PLKD, name) for name in ("coverage", "set_size"))
    if not is_there(coverage):
        return not_yet("the coverage of sets")
    low, high = names.COVERAGE
    checks = (low <= coverage[0] <= high, size[0] < names.SET_SIZE)
    outside = [
        f"`{task}` {value:.3f}"
        for task, value in by_task(known, PLKD, "coverage").items()
        if not low <= value <= high
    ]
    own = known[known["method"] == PLKD]
    worst = own.loc[own["worst_coverage"].idxmin()]
    said = (
        f"{verdict(checks)}: sets at an error rate of {names.ERROR_RATE} hold the true type of "
        f"{plus_minus(*coverage)} of the cells (aim: between {low} and {high}, {met(checks[0])}) "
        f"and have {size[0]:.2f} types on average (aim: below {names.SET_SIZE}, {met(checks[1])}). "
        f"The worst batch of all is {worst['worst_batch']} of `{worst['task']}` "
        f"({worst['worst_coverage']:.3f}, seed {int(worst['seed'])})."
    )
    return f"{said} Tasks outside: {listed(outside)}." if outside else said


def cost_claim(cost: pd.DataFrame) -> str:
    """Return how much slower annotation is with trust."""
    if not len(cost):
        return not_yet("the cost", "--cost")
    found = medians(cost)
    ways = [way for way in (MEMORY, DISK) if way in found.index]
    checks = [found.loc[way, "ratio"] <= names.SLOWER for way in ways]
    each = [f"{found.loc[way, 'ratio']:.2f} times the seconds {way}" for way in ways]
    return (
        f"{verdict(checks)}: annotating {int(cost['n_cells'].max()):,} simulated cells with trust "
        f"takes {listed(each)} (aim: at most {names.SLOWER})."
    )


def whole_claim(whole: pd.DataFrame) -> str:
    """Return the same aims where the reference is whole and all types of the query are known."""
    unknown, ece, coverage, size = (
        score(whole, PLKD, name) for name in ("unknown_of_known", "ece", "coverage", "set_size")
    )
    low, high = names.COVERAGE
    checks = (
        unknown[0] <= names.UNKNOWN_OF_KNOWN,
        ece[0] <= names.ECE,
        low <= coverage[0] <= high and size[0] < names.SET_SIZE,
    )
    above = [
        f"`{task}` {100 * value:.1f} %"
        for task, value in by_task(whole, PLKD, "unknown_of_known").items()
        if value > names.UNKNOWN_OF_KNOWN
    ]
    said = (
        f"{verdict(checks)} on whole references: {percent(unknown)} of the cells are called "
        f"unknown ({met(checks[0])}), ECE of the confidence is {plus_minus(*ece)} "
        f"({met(checks[1])}), sets hold the true type of {plus_minus(*coverage)} of the cells and "
        f"have {size[0]:.2f} types ({met(checks[2])}), the aims being the same."
    )
    most = f"{100 * names.UNKNOWN_OF_KNOWN:.0f} %"
    return f"{said} More than {most} unknown: {listed(above)}." if above else said


def met(check: bool) -> str:
    """Return one check in a word."""
    return "met" if check else "not met"


def percent(found: tuple[float, float]) -> str:
    """Return "5.1 ± 0.2 %"."""
    mean, spread = 100 * found[0], 100 * found[1]
    return f"{mean:.1f} %" if spread != spread else f"{mean:.1f} ± {spread:.1f} %"


def is_there(found: tuple[float, float]) -> bool:
    """Say whether a score was measured."""
    return found[0] == found[0]


def not_yet(what: str, option: str = "") -> str:
    """Say that something has not run on every task."""
    return f"Not measured on every task yet: {what}{f' ({option})' if option else ''}."
