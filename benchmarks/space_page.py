"""The page of the spatial benchmark: its tables, and sentences that are computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ours import ADAPTED
from peers.elsewhere import DATA_SETS, TABLE_2
from results import Row as PeerRow
from results import frame as peer_frame
from results import markdown, plus_minus
from study.words import listed, opened, signed
from transfer_methods import SEE_THE_QUERY, is_peer

if TYPE_CHECKING:
    import pandas as pd

TASK = "dlpfc:673+674"
OTHER_PEERS = "space_peers.csv"
"""File of the rows of ``space_peers.py``."""
FORTH, BACK = "forth", "back"
"""The slices as in the task, and the other way round."""
FEWER = ", "
"""Stands between a peer's name and the number of its genes where that is not plkd's."""
CHOICE, QUERY = "choice", "query"
WHOLE = "all"
"""Stands in the column of the layer where a row is of all spots."""
NAMES = {"plkd student": "Student", "plkd teacher": "Teacher", ADAPTED: "adapted Student"}


def chosen_weight(table: pd.DataFrame) -> float:
    """Return the weight with the best macro F1 on the reference, the smallest of equals."""
    own = table[(table["part"] == CHOICE) & (table["layer"] == WHOLE)]
    mean = own.groupby("weight")["macro_f1"].mean()
    return float(mean.idxmax())


def page(table: pd.DataFrame, peers: Sequence[PeerRow], more: pd.DataFrame | None = None) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    table
        Rows of ``space.csv``.
    peers
        Rows of the peers, offered as many genes as plkd has.
    more
        Rows of ``space_peers.csv``, where there are any.
    """
    weight = chosen_weight(table)
    others = peer_frame([row for row in peers if row.task == TASK and is_peer(row.method)])
    if more is not None and len(more):
        others = with_fewer_genes(others, more[more["way"] == FORTH])
    query = table[(table["part"] == QUERY) & (table["layer"] == WHOLE)]
    parts = ["# Layers of the cortex on slices never seen", how(table, weight)]
    if len(query):
        said = "\n".join(f"- {sentence}" for sentence in sentences(table, others, weight))
        parts += [f"## What the numbers show\n\n{said}", FIGURE]
        parts.append(f"## Unseen slices\n\n{markdown(compared(query, others, weight), 'method')}")
        parts.append(PEERS)
    if more is not None and len(more) and (more["way"] == BACK).any():
        back = markdown(the_other_way_round(more[more["way"] == BACK]), "method")
        said = f"{BACK_SAID} {both_ways(table, others, more[more['way'] == BACK])}".rstrip()
        parts.append(f"## The other way round\n\n{said}\n\n{back}")
    parts.append(f"## The choice of the weight\n\n{markdown(by_weight(table, CHOICE), 'weight')}")
    parts.append(CHOSEN.format(weight=weight))
    if len(query):
        layers = markdown(by_layer(table, weight), "layer")
        parts.append(f"## F1 by layer, unseen slices\n\n{layers}")
        weights = markdown(by_weight(table, QUERY), "weight")
        parts.append(f"## Other weights on the unseen slices\n\n{OTHERS}\n\n{weights}")
    return "\n\n".join(parts) + "\n"


FIGURE = (
    "![Truth, annotation, smoothed labels and confidence of both unseen slices](space.png)\n\n"
    "*The paper's Figure 4: the Student on the unseen slices, first seed; `plkd.pl.spatial`.*"
)
PEERS = (
    "Peers are of `docs/results/peers.csv` (see [transfer](transfer.md)) and have as many genes as "
    "plkd, all 3,851, or as many as their line says (`python benchmarks/space_peers.py --way "
    "forth`); they are not smoothed, and are to be compared with the lines of plkd that are not. A "
    "peer that sees the query learns with its spots at hand, without their layers."
)
BACK_SAID = (
    "151675 and 151676 are learned, 151673 and 151674 annotated (`python "
    "benchmarks/space_peers.py`); nothing is smoothed, and nothing was chosen by it. A method "
    "that is ahead by little above need not be ahead here."
)
CHOSEN = (
    "Macro F1, mean of both ways (either reference slice learned, the other annotated). Chosen: "
    "{weight:g}, the best mean of both networks. The two slices are neighbours in the tissue, more "
    "alike than reference and query are."
)
OTHERS = (
    "No choice looked at these; they show how much depends on the weight. Macro F1, mean over "
    "seeds."
)


def how(table: pd.DataFrame, weight: float) -> str:
    """Return the paragraph that says how the numbers were made, and what differs in the paper."""
    seeds = sorted({int(seed) for seed in table.loc[table["part"] == QUERY, "seed"]})
    accuracy, f1 = TABLE_2[-1].scores[DATA_SETS.index("DLPFC")]
    return (
        "Made by `python benchmarks/space.py --data FOLDER`; what is run stands at its head. Task "
        f"`{TASK}`: Visium slices of the dorsolateral prefrontal cortex of one donor (Maynard et "
        "al. 2021, Br8100), 151673 and 151674 are learned, 151675 and 151676 annotated; "
        f"{'seeds' if len(seeds) != 1 else 'seed'} {', '.join(map(str, seeds)) or 'none yet'}; "
        "numbers are means ± standard deviations over seeds. Smoothed: "
        f"`plkd.tl.smooth_labels(batch_key=..., weight={weight:g})`, 6 neighbours, slice by slice; "
        "an option that nothing does by itself.\n\n"
        f"The paper (Table 2) has accuracy {accuracy:.3f} and macro F1 {f1:.3f} on all twelve "
        "slices of the data set, six learned and six annotated, with its own choice of genes. "
        "Ours are four slices of one donor in 3,851 genes: the numbers are not to be compared."
    )


def sentences(table: pd.DataFrame, peers: pd.DataFrame, weight: float) -> list[str]:
    """Return what the numbers show."""
    from plkd.tools.smooth_labels import WEIGHT

    query = table[(table["part"] == QUERY) & (table["layer"] == WHOLE)]
    said = [against_peers(query, peers, method) for method in NAMES]
    said += [gain(query, method, weight) for method in NAMES]
    said += [layers_lost(table, method, weight) for method in NAMES]
    same = "is" if abs(WEIGHT - weight) < 1e-9 else "is not"
    said.append(
        f"The default weight of `plkd.tl.smooth_labels`, {WEIGHT:g}, {same} the one that these "
        "slices of the reference choose."
    )
    return [sentence for sentence in said if sentence]


def against_peers(query: pd.DataFrame, peers: pd.DataFrame, method: str) -> str:
    """Return how a network without smoothing stands to the peers that learn from expression."""
    own = query[(query["method"] == method) & (query["weight"] == 0)]
    if own.empty or peers.empty:
        return ""
    words = []
    for measure, name in (("macro_f1", "macro F1"), ("accuracy", "accuracy")):
        score = own[measure].mean()
        theirs = peers.groupby("method")[measure].mean().sort_values(ascending=False)
        above = theirs[theirs >= score]
        best = f"the best, {theirs.index[0]}, has {theirs.iloc[0]:.3f}"
        words.append(
            f"in {name}, {plus_minus(score, own[measure].std())}, above every one ({best})"
            if above.empty
            else f"in {name}, {plus_minus(score, own[measure].std())}, not above "
            f"{listed([f'{peer} ({value:.3f})' for peer, value in above.items()])}"
        )
    holds = "**Holds**" if " not above " not in words[0] else "**Does not hold**"
    return (
        f"{holds}: the {NAMES[method]} above every expression-only peer in macro F1. Without "
        f"smoothing it is {'; '.join(words)}."
    )


def gain(query: pd.DataFrame, method: str, weight: float) -> str:
    """Return by how much smoothing moves a network, and in how many seeds upwards."""
    own = query[query["method"] == method].set_index(["seed", "weight"])
    seeds = sorted(set(own.index.get_level_values("seed")))
    if not seeds:
        return ""
    moves, up = [], 0
    for measure, name in (("macro_f1", "macro F1"), ("accuracy", "accuracy")):
        change = [own.loc[(s, weight), measure] - own.loc[(s, 0.0), measure] for s in seeds]
        moves.append(f"{name} by {signed(sum(change) / len(change))}")
        up = sum(value > 0 for value in change) if measure == "macro_f1" else up
    changed = own.xs(weight, level="weight")["changed"].mean()
    return (
        f"Smoothing with the chosen weight moves the {NAMES[method]}'s {listed(moves)} (macro F1 "
        f"up in {up} of {len(seeds)} seeds); it changes {changed:.1%} of the labels."
    )


def layers_lost(table: pd.DataFrame, method: str, weight: float) -> str:
    """Return which layers smoothing costs something."""
    own = table[(table["part"] == QUERY) & (table["layer"] != WHOLE) & (table["method"] == method)]
    if own.empty:
        return ""
    mean = own.groupby(["layer", "weight"])["macro_f1"].mean().unstack("weight")
    change = mean[weight] - mean[0.0]
    lost = [f"{layer} ({signed(value)})" for layer, value in change.items() if value < 0]
    which = f"costs {listed(lost)}" if lost else "costs no layer anything"
    most = opened(f"it gains most in {change.idxmax()} ({signed(change.max())})")
    return f"By layer, F1 of the {NAMES[method]}: smoothing {which}. {most}."


def compared(query: pd.DataFrame, peers: pd.DataFrame, weight: float) -> pd.DataFrame:
    """Return macro F1 and accuracy of plkd, smoothed and not, and of the peers."""
    import pandas as pd

    lines: dict[str, list[str]] = {}
    for method in _there(query):
        sees = "yes" if method in SEE_THE_QUERY else "no"
        for its, name in ((0.0, NAMES[method]), (weight, f"{NAMES[method]}, smoothed")):
            own = query[(query["method"] == method) & (query["weight"] == its)]
            lines[name] = [*_both(own), sees]
    order = peers.groupby("method")["macro_f1"].mean().sort_values(ascending=False).index
    for method in order:
        sees = "yes" if method.split(FEWER)[0] in SEE_THE_QUERY else "no"
        lines[method] = [*_both(peers[peers["method"] == method]), sees]
    heads = ["macro F1", "accuracy", "sees the query"]
    return pd.DataFrame(lines.values(), index=list(lines), columns=heads)


def with_fewer_genes(peers: pd.DataFrame, fewer: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of peers with those in other numbers of genes, which their names say."""
    import pandas as pd

    named = [
        f"{m}{FEWER}{n:,} genes" for m, n in zip(fewer["method"], fewer["n_genes"], strict=True)
    ]
    return pd.concat([peers, fewer.assign(method=named)], ignore_index=True)


def both_ways(table: pd.DataFrame, peers: pd.DataFrame, back: pd.DataFrame) -> str:
    """Return what plkd's networks and the best peer in as many genes have as mean of both ways."""
    import pandas as pd

    query = table[(table["part"] == QUERY) & (table["layer"] == WHOLE) & (table["weight"] == 0)]
    ways = pd.concat([query, peers]), back[back["n_genes"] == back["n_genes"].max()]
    forth, turned = (way.groupby("method")["macro_f1"].mean() for way in ways)
    mean = ((forth + turned) / 2).dropna().sort_values(ascending=False)
    ours, theirs = mean[mean.index.isin(list(NAMES))], mean[~mean.index.isin(list(NAMES))]
    if ours.empty or theirs.empty:
        return ""
    each = listed([f"{NAMES[method]} {f1:.3f}" for method, f1 in ours.items()])
    return (
        f"Macro F1, mean of both ways: {each}; the best peer in as many genes, "
        f"{theirs.index[0]}, {theirs.iloc[0]:.3f}."
    )


def the_other_way_round(back: pd.DataFrame) -> pd.DataFrame:
    """Return macro F1 and accuracy of every method where the unseen slices were learned."""
    import pandas as pd

    scores = back.groupby(["method", "n_genes"])["macro_f1"].mean().sort_values(ascending=False)
    lines, names = [], []
    for method, n_genes in scores.index:
        own = back[(back["method"] == method) & (back["n_genes"] == n_genes)]
        sees = "yes" if method in SEE_THE_QUERY else "no"
        lines.append([f"{n_genes:,}", *_both(own), str(len(own)), sees])
        names.append(NAMES.get(method, method))
    heads = ["genes", "macro F1", "accuracy", "seeds", "sees the query"]
    return pd.DataFrame(lines, index=names, columns=heads)


def by_weight(table: pd.DataFrame, part: str) -> pd.DataFrame:
    """Return the macro F1 of each network by weight, and their mean."""
    own = table[(table["part"] == part) & (table["layer"] == WHOLE)]
    wide = own.groupby(["weight", "method"])["macro_f1"].mean().unstack("method")
    wide = wide[_there(own)]
    wide["mean"] = wide.mean(axis=1)
    text = wide.map(lambda value: f"{value:.3f}").rename(columns=NAMES)
    text.index = [f"{weight:g}" for weight in text.index]
    return text


def by_layer(table: pd.DataFrame, weight: float) -> pd.DataFrame:
    """Return F1 of each layer, smoothed and not."""
    import pandas as pd

    own = table[(table["part"] == QUERY) & (table["layer"] != WHOLE)]
    columns = {}
    for method in _there(own):
        for its, name in ((0.0, NAMES[method]), (weight, f"{NAMES[method]}, smoothed")):
            lines = own[(own["method"] == method) & (own["weight"] == its)]
            grouped = lines.groupby("layer")["macro_f1"]
            columns[name] = {layer: plus_minus(each.mean(), each.std()) for layer, each in grouped}
    return pd.DataFrame(columns).sort_index()


def _there(table: pd.DataFrame) -> list[str]:
    """Return which of plkd's networks have rows."""
    return [method for method in NAMES if (table["method"] == method).any()]


def _both(rows: pd.DataFrame) -> list[str]:
    return [plus_minus(rows[name].mean(), rows[name].std()) for name in ("macro_f1", "accuracy")]
