"""The page of the ablation study, written from its rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from results import markdown
from study.ablation_claims import (
    LOSSES,
    MASK,
    MEASURES,
    MOST,
    NOISES,
    PAPER,
    PAPER_SAYS,
    SETTINGS,
    STANDARD,
    beside_standard,
    kept,
    networks_under_noise,
    sentences,
    with_clean_rows,
)
from study.names import LOOKS, NETWORKS, STUDENT, TEACHER, in_order
from study.rows import extent, frame, full_grid, over_seeds, read_rows
from study.words import percent, scored

if TYPE_CHECKING:
    import pandas as pd

TRANSFER = Path(__file__).resolve().parents[2] / "docs" / "results" / "transfer.csv"
"""Plain fits of every task; those of a study's plain setting are the same."""


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from all rows of the study."""
    n_own = len(table)
    table = with_clean_rows(table, frame(read_rows(TRANSFER)))
    grid = full_grid(table)
    parts = [
        "# Ablation: losses, mask and wrong labels (Table 5 of the paper)",
        how(table, grid, len(table) - n_own),
    ]
    if len(grid):
        said = sentences(table) or ["Nothing yet: the Student has not run in two settings."]
        body = "\n".join(f"- {sentence}" for sentence in said)
        parts.append(f"## What the numbers show\n\n{body}")
        parts.append(
            "![Macro F1 kept with wrong labels; parts left out](ablation.png)\n\n"
            f"*The figure, and the tables in which no task is named: {extent(grid)}.*"
        )
    parts.append(f"## What the paper reports\n\n{paper()}")
    if len(grid):
        tables = {
            "Both networks in every setting (T: Teacher, S: Student)": (networks(grid), "setting"),
            "Macro F1 by share of wrong labels": (noise(grid, "macro_f1"), "method"),
            "Accuracy by share of wrong labels": (noise(grid, "accuracy"), "method"),
            "The Student's macro F1 by task": (student_by_task(table), "task"),
            "Share of the clean macro F1 kept with 20 % wrong labels": (
                kept_by_task(table),
                "task",
            ),
        }
        for title, (body, corner) in tables.items():
            if STUDENT in set(grid["method"]) or corner == "method":
                parts.append(f"## {title}\n\n{markdown(body, corner)}")
    return "\n\n".join(parts) + "\n"


def how(table: pd.DataFrame, grid: pd.DataFrame, n_taken: int) -> str:
    """Return the paragraph that says how the numbers were made."""
    compared = "Nothing can be compared yet: no task has a row of every setting and method."
    if len(grid):
        compared = f"Compared: {extent(grid)}, those that every setting and method was run on."
    if wider := wider_sentence(table, grid):
        compared = f"{compared} {wider}"
    rest = len(table) - len(grid) - n_taken
    taken = (
        f" {n_taken} clean rows that it lacks are those of `transfer.csv`, of fits with the same "
        "settings."
        if n_taken
        else ""
    )
    return (
        f"Made by `python benchmarks/studies.py ablation --data FOLDER`. {compared}"
        f"{f' {rest} further rows are in the CSV.' if rest else ''} A number is the mean over "
        "tasks, then over seeds, ± the standard deviation over seeds. How labels are made wrong, "
        "what is left out in each setting and how the clusters of the ARI are made stands at the "
        "head of `benchmarks/study/ablation.py`; the tasks are those of `benchmarks/tasks.py`, "
        f"the peers those of `benchmarks/peers/`. Peers have no embedding, and so no ARI.{taken}"
    )


def wider_sentence(table: pd.DataFrame, grid: pd.DataFrame) -> str:
    """Return which sentences rest on more tasks than the tables do."""
    parts = {
        "20 % wrong labels": networks_under_noise(table),
        "peers with them": beside_standard(table, MOST)
        if set(table["method"]) > set(NETWORKS)
        else table.iloc[:0],
        "the losses left out": beside_standard(table, LOSSES),
        "the mask left out": beside_standard(table, MASK),
    }
    every = set(table["task"])
    wider: dict[str, list[str]] = {}
    for name, rows in parts.items():
        tasks = list(dict.fromkeys(rows["task"]))
        if set(tasks) > set(grid["task"]):
            whole = set(tasks) == every
            shown = f"all {len(every)}" if whole else ", ".join(f"`{task}`" for task in tasks)
            wider.setdefault(shown, []).append(name)
    each = "; ".join(f"{', '.join(names)}: {shown}" for shown, names in wider.items())
    return f"Sentences rest on all tasks that have what they compare ({each})." if wider else ""


def paper() -> str:
    """Return what the paper's Table 5 and its text say."""
    import pandas as pd

    heads = ["accuracy (T)", "ARI (T)", "accuracy (S)", "ARI (S)"]
    lines = [[f"{number:.3f}" for number in PAPER[setting]] for setting in SETTINGS]
    body = markdown(pd.DataFrame(lines, index=list(SETTINGS), columns=heads), "setting")
    return (
        "On 10x-Multiome, without macro F1, deviations or other methods (T: Teacher, S: Student):"
        f"\n\n{body}\n\n{PAPER_SAYS}"
    )


def networks(grid: pd.DataFrame) -> pd.DataFrame:
    """Return the measures of Teacher and Student, settings down."""
    import pandas as pd

    there = [setting for setting in SETTINGS if setting in set(grid["setting"])]
    columns: dict[str, list[str]] = {}
    for method in (TEACHER, STUDENT):
        for key, name in MEASURES.items():
            scores = over_seeds(grid, key, ["setting", "method"])
            columns[f"{name} ({LOOKS[method].name[0]})"] = [
                scored(scores, (setting, method)) for setting in there
            ]
    return pd.DataFrame(columns, index=there)


def noise(grid: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return each method's measure by the share of wrong labels, and how much of it is kept."""
    import pandas as pd

    there = [setting for setting in (STANDARD, *NOISES) if setting in set(grid["setting"])]
    methods = in_order(grid["method"])
    scores = over_seeds(grid, measure, ["setting", "method"])
    columns = {
        f"{NOISES.get(setting, 0):g}": [scored(scores, (setting, method)) for method in methods]
        for setting in there
    }
    if {STANDARD, MOST} <= set(there):
        share = kept(grid, measure)
        columns["kept at 0.2"] = [percent(share, method) for method in methods]
    return pd.DataFrame(columns, index=[LOOKS[method].name for method in methods])


def student_by_task(grid: pd.DataFrame) -> pd.DataFrame:
    """Return the Student's macro F1, tasks down and settings across."""
    import pandas as pd

    there = [setting for setting in SETTINGS if setting in set(grid["setting"])]
    tasks = list(dict.fromkeys(grid["task"]))
    ours = grid[grid["method"] == STUDENT]
    scores = over_seeds(ours, "macro_f1", ["task", "setting"])
    cells = [
        [
            scored(scores, (task, setting)) if (task, setting) in scores.index else "–"
            for setting in there
        ]
        for task in tasks
    ]
    return pd.DataFrame(cells, index=tasks, columns=there)


def kept_by_task(table: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the macro F1 kept at most noise, tasks down and methods across."""
    import pandas as pd

    rows = table[table["setting"].isin([STANDARD, MOST])]
    ran = set(networks_under_noise(rows)["task"])
    tasks = [task for task in dict.fromkeys(table["task"]) if task in ran]
    methods = in_order(rows.loc[rows["setting"] == MOST, "method"])
    found = pd.DataFrame("–", index=tasks, columns=[LOOKS[method].name for method in methods])
    for task in tasks:
        share = kept(rows[rows["task"] == task], "macro_f1")
        found.loc[task] = [percent(share, method) for method in methods]
    return found
