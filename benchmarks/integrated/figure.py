"""The figure of the integration benchmark: kBET against cell type ASW, and overall scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrated.means import groups, is_there, rows_of, score
from integrated.names import ALL, BATCHES, LOOKS
from study.figures import INK, panels, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = 7
HALVES = {"biology_conservation": ("<", "biology"), "batch_removal": (">", "batch removal")}


def figure(table: pd.DataFrame) -> Figure:
    """Return the figure: a panel for each data set, all with one legend."""
    found = groups(table)
    drawn, axes = panels([3.3 if part == BATCHES else 3.0 for part, _ in found], 3.9)
    for ax, (part, data) in zip(axes, found, strict=True):
        own = rows_of(table, part, data, ALL)
        if part == BATCHES:
            draw_plane(ax, own)
            plain(ax, data, across="kBET", up="cell type ASW", grid="both")
        else:
            draw_overall(ax, own)
            plain(ax, f"{data}, {part}", across="overall (< biology, > batches)",
                  grid="x")  # fmt: skip
    legend(drawn, [method for method in LOOKS if (table["method"] == method).any()])
    return drawn


def draw_plane(axes: Axes, own: pd.DataFrame) -> None:
    """Draw methods by kBET and cell type ASW, with their deviations over seeds."""
    for method, look in LOOKS.items():
        across, up = (score(own, method, measure) for measure in ("kbet", "cell_type_asw"))
        if is_there(across) and is_there(up):
            axes.errorbar(
                across[0],
                up[0],
                xerr=_spread(across[1]),
                yerr=_spread(up[1]),
                color=look.colour,
                marker=look.marker,
                markersize=SIZE,
                elinewidth=0.9,
                markeredgecolor="white",
            )
    axes.margins(0.15)


def draw_overall(axes: Axes, own: pd.DataFrame) -> None:
    """Draw the overall score of each method, and its two halves small beside it."""
    there = [m for m in LOOKS if is_there(score(own, m, "overall"))]
    for place, method in enumerate(there):
        look = LOOKS[method]
        for measure, (mark, _) in HALVES.items():
            axes.plot(score(own, method, measure)[0], place, mark, color=look.colour, markersize=4)
        mean, spread = score(own, method, "overall")
        axes.errorbar(
            mean,
            place,
            xerr=_spread(spread),
            color=look.colour,
            marker=look.marker,
            markersize=SIZE,
            elinewidth=0.9,
            markeredgecolor="white",
        )
    axes.set_yticks(range(len(there)), [LOOKS[method].name for method in there])
    axes.set_ylim(len(there) - 0.5, -0.5)
    axes.set_xlim(0, 1)


def legend(drawn: Figure, methods: list[str]) -> None:
    """Name the methods under the panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=LOOKS[m].colour, marker=LOOKS[m].marker, linewidth=0, markersize=SIZE)
        for m in methods
    ]
    drawn.legend(
        handles,
        [LOOKS[method].name for method in methods],
        loc="outside lower center",
        ncols=len(methods),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )


def _spread(value: float) -> float:
    return 0.0 if value != value else value
