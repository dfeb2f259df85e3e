"""The page ``docs/results/speed.md``, written from what ``speed.py`` has measured."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

GIB = 2**30


def page(found: dict[str, Any]) -> str:
    """Return the page in Markdown; measures that have not run are left out."""
    writers = {"teacher": teacher, "annotate": annotation, "memory": memory, "cli": cli}
    parts = [
        "# Speed and memory",
        "Made by `python benchmarks/speed.py --data FOLDER`; each section names the machine.",
    ]
    parts += [write(found[name]) for name, write in writers.items() if name in found]
    return "\n\n".join(parts) + "\n"


def teacher(found: dict[str, Any]) -> str:
    """Return the section on a training step of the Teacher."""
    rates = {name: median(values) for name, values in found["rates"].items()}
    slow = rates["reference"]
    keep = found["pattern_keep"]
    names = {
        "reference": f"literal reference, batch {found['reference_batch']}, SGD",
        "reference, large batch": f"literal reference, batch {found['batch_size']}, SGD",
        "plkd": f"plkd, defaults (batch {found['batch_size']}, {keep:.0%} of patterns a step, "
        f"{found['n_free']} patterns free)",
        "plkd, one free pattern": "plkd, the same with the reference's one free pattern",
        "plkd, all patterns": "plkd, the reference's patterns, all of them in every step",
    }
    lines = [[names[n], f"{rate:.1f}", f"{rate / slow:.1f}"] for n, rate in rates.items()]
    apart = found["difference"]
    return "\n\n".join(
        [
            "## A training step of the Teacher",
            f"{found['n_genes']} genes (those in most Reactome sets), a mask of "
            f"{found['n_patterns']} patterns ({found['mask_density']:.1%} dense), "
            f"{found['n_types']} types, real cells; "
            f"{found['machine']}, {found['threads']} threads. Interleaved runs, medians of "
            f"{len(found['rates']['plkd'])}. The last row is the reference's function of the same "
            "weights: "
            f"logits differ by {apart['logits']:.0e} at most, the loss by {apart['loss']:.0e}, the "
            f"weights' gradient by {apart['gradient']:.0e} of its largest value.",
            table(["arrangement", "cells per second", "ratio"], lines),
            step_parts(found),
        ]
    )


def step_parts(found: dict[str, Any]) -> str:
    """Return the table of where the time of a step goes."""
    parts, rate = found["parts"], found["gemm_gflops"] * 1e9
    seconds, flops = parts["seconds"], parts["flops"]
    step = parts["n_cells"] / median(found["rates"]["plkd"])
    lines = []
    for name, span in seconds.items():
        work = flops.get(name)
        floor = "" if work is None else f"{work / rate * 1e3:.1f}"
        share = "" if work is None else f"{work / rate / span:.0%}"
        gflop = "" if work is None else f"{work / 1e9:.1f}"
        lines.append([name, f"{span * 1e3:.1f}", f"{span / step:.0%}", gflop, floor, share])
    together = sum(seconds.values())
    floor = sum(flops.values()) / rate
    lines.append(
        [
            "parts together",
            f"{together * 1e3:.1f}",
            f"{together / step:.0%}",
            f"{sum(flops.values()) / 1e9:.1f}",
            f"{floor * 1e3:.1f}",
            f"{floor / together:.0%}",
        ]
    )
    heads = ["part", "ms", "share of the step", "GFLOP", "floor, ms", "floor / time"]
    return (
        f"Where a step of plkd's defaults goes ({parts['n_cells']} cells, {step * 1e3:.0f} ms): "
        "each part forward and backward, timed alone; the floor is its matrix products at the "
        f"rate this machine reaches in one large product, {found['gemm_gflops']:.0f} GFLOP/s "
        "(512 × 2000 by 2000 × 14400, float32). Softmax, GELU, LayerNorm and memory traffic have "
        "no floor of this kind.\n\n" + table(heads, lines)
    )


def annotation(found: dict[str, Any]) -> str:
    """Return the section on annotation from file to file."""
    spans = {name: [run["all"] for run in runs] for name, runs in found["seconds"].items()}
    ours = median(spans["plkd"])
    names = {
        "plkd": "plkd, Student, to an annotated h5ad",
        "celltypist": "CellTypist, to a CSV of labels",
        "read": "only reading the matrix (h5py)",
        "read-anndata": "only reading the file (anndata.read_h5ad)",
    }
    lines = [
        [
            names[name],
            f"{median(values):.2f}",
            f"{min(values):.2f} to {max(values):.2f}",
            f"{found['n_cells'] / median(values):,.0f}",
            f"{median(values) / ours:.2f}",
        ]
        for name, values in spans.items()
    ]
    runs = found["seconds"]["celltypist"]
    inside = ", ".join(
        f"{part} {median([run[part] for run in runs]):.1f} s" for part in runs[0] if part != "all"
    )
    heads = ["", "seconds, median", "range", "cells per second", "time over plkd's"]
    return (
        "## Annotation, from a file on disk to labels on disk\n\n"
        f"{found['n_cells']:,} cells × 2,000 genes, CSR, not compressed "
        f"({found['file_bytes'] / GIB:.2f} GiB), bootstrapped and thinned from real cells, genes "
        f"in another order than the model's; {found['machine']}. Each run in a process of its "
        f"own, imports not counted, the file in the page cache, {len(runs)} interleaved runs. "
        f"CellTypist's time is {inside}.\n\n" + table(heads, lines)
    )


def memory(found: dict[str, Any]) -> str:
    """Return the section on peak memory."""
    return (
        "## Peak memory of `plkd annotate`\n\n"
        f"{found['n_cells']:,} cells × 2,000 genes ({found['file_bytes'] / GIB:.2f} GiB on disk): "
        f"**{found['peak_bytes'] / GIB:.2f} GiB** at most (largest resident size of the process), "
        f"in {found['seconds']:.1f} s, imports counted. `plkd --help` alone takes "
        f"{found['help_peak_bytes'] / GIB:.2f} GiB. {found['machine']}."
    )


def cli(found: dict[str, Any]) -> str:
    """Return the section on the command line."""
    lines = [
        [words, f"{median(values):.2f}", f"{min(values):.2f} to {max(values):.2f}"]
        for words, values in (
            ("`plkd --help`", found["seconds"]["help"]),
            (f"`plkd annotate`, {found['n_cells']:,} cells", found["seconds"]["annotate"]),
        )
    ]
    return (
        "## The command line, start to end\n\n"
        f"Imports counted, {len(found['seconds']['help'])} runs after one that does not count; "
        f"{found['machine']}.\n\n" + table(["command", "seconds, median", "range"], lines)
    )


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rows = [list(heads), ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
