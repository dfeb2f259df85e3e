"""The paper's own data sets, from their publishers to a folder that the benchmarks read.

    python benchmarks/recipes.py bmmc --out FOLDER
    python benchmarks/transfer.py --data FOLDER

Names: bmmc, pan_cancer, dlpfc, pbmc, or all. FOLDER gets an ``.h5ad`` for each and ``tasks.json``
with the paper's splits; ``FOLDER/downloads/`` keeps what was fetched and its checksums, so that a
second run fetches nothing that is there. A network and ``pip install pooch`` are needed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from recipe.cells import PUBLISHED
from recipe.checks import require_batches, require_expected
from recipe.download import fetch, record
from recipe.list import RECIPES, Recipe
from recipe.preparing import prepare_pbmc_with_labels
from recipe.sources import PBMC_10X

from plkd.errors import PlkdError
from plkd.outputs import replace_when_done


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*RECIPES, "or all"]))
    parser.add_argument("--list", action="store_true", help="say what there is, and stop")
    parser.add_argument("--out", type=Path, help="folder of the data; made if need be")
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="fetch URL/NAME/FILE in place of the publishers' addresses; a downloads/ folder that "
        "is served is such a mirror",
    )
    parser.add_argument(
        "--gene-sets",
        type=Path,
        metavar="FOLDER",
        help="copy the .gmt files of this folder to OUT/gene_sets/, where transfer.py wants "
        "reactome.gmt; without it, put the file there yourself",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="pbmc only: a table barcode,cell_type of your own; the counts then come from 10x",
    )
    options = parser.parse_args(argv)
    if not options.list and not (options.names and options.out):
        parser.error("name a data set (or all) and --out FOLDER, or ask for --list")
    unknown = set(options.names) - {*RECIPES, "all"}
    if unknown:
        parser.error(f"no such data set: {', '.join(sorted(unknown))}; see --list")
    if options.mirror and not options.mirror.startswith(("http://", "https://")):
        parser.error("--mirror wants an address that begins with http:// or https://")
    if options.gene_sets and not any(options.gene_sets.glob("*.gmt")):
        parser.error(f"--gene-sets wants a folder with .gmt files; {options.gene_sets} has none")
    if options.labels and not options.labels.is_file():
        parser.error(f"--labels wants a table; there is no file {options.labels}")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the recipes one after another; one that fails does not stop the next."""
    options = arguments(argv)
    if options.list:
        sys.stdout.write(listing())
        return 0
    if importlib.util.find_spec("pooch") is None:
        say("recipes.py fetches files with pooch, which is not installed: pip install pooch")
        return 1
    names = list(RECIPES) if "all" in options.names else list(dict.fromkeys(options.names))
    failed = []
    for name in names:
        recipe = RECIPES[name]
        if name == "pbmc" and options.labels:
            prepare = partial(prepare_pbmc_with_labels, labels=options.labels)
            recipe = replace(recipe, source=PBMC_10X, prepare=prepare)
        try:
            say(run(recipe, options.out, mirror=options.mirror))
        except PlkdError as error:
            say(f"{name}: {error}")
            failed.append(name)
    if len(failed) < len(names):
        say(gene_sets(options.out, options.gene_sets))
    return 1 if failed else 0


def run(recipe: Recipe, out: Path, *, mirror: str | None = None) -> str:
    """Fetch, check, prepare and write one data set, and return a line about it.

    Raises
    ------
    PlkdError
        A file cannot be had or does not hold what was published; nothing is written then.
    """
    source = recipe.source
    say(f"{source.name}: {source.title}")
    downloads = out / "downloads" / source.name
    adata = recipe.prepare(fetch(source, downloads, mirror=mirror))
    require_expected(adata, source.expected, where=source.name)
    require_batches(adata, [*recipe.reference, *recipe.query], where=source.name)
    record(source, downloads)
    about = {"source": source.citation, "split": recipe.split, "terms": source.terms}
    adata.uns["recipe"] = {**adata.uns["recipe"], **about}
    file = f"{source.name}.h5ad"
    with replace_when_done(out / file, overwrite=True) as partial_file:
        adata.write_h5ad(partial_file, compression="gzip")
    values = adata.uns["recipe"]["values"]
    line = f"{file}: {adata.n_obs} cells x {adata.n_vars} genes, {values}"
    if values == PUBLISHED:
        return f"{line}. No task: the benchmarks want counts, and these values do not give them"
    add_task(recipe, out, file)
    return f"{line}; task {recipe.task} ({recipe.split})"


def add_task(recipe: Recipe, out: Path, file: str) -> None:
    """Write the recipe's task into ``tasks.json``, in place of its namesake or at the end."""
    path = out / "tasks.json"
    lines: list[dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else []
    line = {
        "name": recipe.task,
        "reference": file,
        "reference_batches": list(recipe.reference),
        "query": file,
        "query_batches": list(recipe.query),
        "labels": "cell_type",
        "batch": "batch",
    }
    lines = [other for other in lines if other["name"] != recipe.task] + [line]
    with replace_when_done(path, overwrite=True) as partial_file:
        partial_file.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")


def gene_sets(out: Path, given: Path | None) -> str:
    """Copy the gene sets that were given, and return a line about what transfer.py will find."""
    folder = out / "gene_sets"
    if given is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(given.glob("*.gmt")):
            shutil.copy2(file, folder / file.name)
    if (folder / "reactome.gmt").is_file():
        return f"ready: python benchmarks/transfer.py --data {out} --out {out / 'results'}"
    return f"put Reactome's sets of human genes at {folder / 'reactome.gmt'} for transfer.py"


def listing() -> str:
    """Return what each recipe fetches, whose it is and how it is split."""
    parts = []
    for name, recipe in RECIPES.items():
        source = recipe.source
        parts.append(
            f"{name}: {source.title}\n  files: {len(source.files)}, the first {source.files[0].url}"
            f"\n  source: {source.citation}\n  terms: {source.terms}\n  split: {recipe.split}\n"
        )
    return "\n".join(parts)


def say(line: str) -> None:
    """Write a line of progress to stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
