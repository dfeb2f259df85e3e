"""A page that a person reads: what was annotated, how far it can be believed, what to look at."""

from __future__ import annotations

import base64
import warnings
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from plkd.errors import InputError
from plkd.keys import DEFAULT_KEY, SlotNames
from plkd.outputs import refuse_absent_folder, refuse_existing, replace_when_done
from plkd.tools.annotated_cells import AnnotatedCells, annotated_cells
from plkd.tools.annotation_overview import AnnotationOverview, annotation_overview, as_text
from plkd.tools.telling_genes import telling_genes

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.metrics.results import ClassificationReport
    from plkd.model.annotator import CellAnnotator

TEMPLATE = "resources/report.html.jinja"
MOST_DRAWN = 20_000
"""Cells on the page's map, at most."""


def write_report(
    annotated: AnnData | str | Path,
    out: str | Path,
    *,
    model: CellAnnotator | None = None,
    labels_key: str | None = None,
    batch_key: str | None = None,
    key_added: str = DEFAULT_KEY,
    layer: str | None = None,
    use_raw: bool = False,
    gene_key: str | None = None,
    expression: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> None:
    """Write a page on an annotation: how many cells of what, how sure, and what to look at.

    Parameters
    ----------
    annotated
        What ``plkd.tl.annotate`` annotated, or an h5ad file that ``plkd annotate`` wrote, of which
        memory holds the table of cells and some cells more. It is not changed.
    out
        The page: one HTML file with its pictures inside and without scripts; to be read it needs no
        network. The same annotation gives the same page.
    model
        The model that annotated: the page then tells of how many cells it learned each type, and
        which genes speak for it in the cells that were named so.
    labels_key
        Column of ``obs`` with the true types, where they are known: the page then tells how many
        labels are right.
    batch_key
        Column of ``obs`` with batches, to be told one by one.
    key_added
        The name under which ``tl.annotate`` wrote its results.
    layer, use_raw, gene_key, expression
        As in annotating; only for the genes.
    seed
        Of the map, of which cells are drawn on it, 20,000 at most, and of which cells the genes are
        looked up in.
    overwrite
        Replace a file that stands there.

    Raises
    ------
    InputError
        The cells are not annotated, or not by this model, or a column is not there; the file cannot
        be read, or the page cannot be written.
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.

    Warns
    -----
    UserWarning
        The map could not be drawn, or the genes not be read; the page is written without.
    """
    slots = SlotNames(key_added)
    path = Path(annotated) if isinstance(annotated, str | Path) else None
    with replace_when_done(Path(out), overwrite=overwrite, source=path) as partial:
        cells = annotated_cells(annotated, slots, most_drawn=MOST_DRAWN, seed=seed)
        overview = annotation_overview(cells.obs, cells.uns, slots, batch_key=batch_key)
        how = _Reading(layer, use_raw, gene_key, expression, seed)
        told = None if model is None else _told(model, cells, slots, how)
        page = _page(
            overview,
            title="Annotation" if path is None else f"Annotation of {path.name}",
            model=told,
            scores=None if labels_key is None else _scores(cells, labels_key, slots),
            picture=_map(cells, labels_key, slots, seed),
            colours=_colours(cells, labels_key, slots),
        )
        partial.write_text(page, encoding="utf-8")


def check_report(out: str | Path, *, overwrite: bool = False) -> None:
    """Say whether a page can be written to a place, before the work is done.

    Raises
    ------
    OutputExistsError
        Something is there, and ``overwrite`` is not set.
    InputError
        Its folder does not exist.
    """
    refuse_existing(Path(out), overwrite=overwrite)
    refuse_absent_folder(Path(out))


class _Reading(NamedTuple):
    """How expression is read, as in annotating."""

    layer: str | None
    use_raw: bool
    gene_key: str | None
    expression: str | None
    seed: int


def _told(
    model: CellAnnotator, cells: AnnotatedCells, slots: SlotNames, how: _Reading
) -> dict[str, Any]:
    """Return what the model adds: cells of its reference and genes by type.

    Raises
    ------
    InputError
        It is another than the one that annotated.
    """
    noted, own = cells.uns[slots.provenance].get("model"), model.fingerprint()
    if noted not in (None, own):
        raise InputError(
            f"the model that annotated, {noted}", f"the model {own}", "pass that one, or none"
        )
    genes: dict[str, tuple[str, ...]] = {}
    try:
        with cells.expression(layer=how.layer, use_raw=how.use_raw) as source:
            genes = telling_genes(
                source,
                as_text(cells.obs[slots.label]),
                model,
                gene_key=how.gene_key,
                expression=how.expression,
                seed=how.seed,
            )
    except Exception as error:
        _say_left_out("genes that speak for each type could not be told", error)
    return {"cells": model.summary_.get("cells_of_type", {}), "genes": genes}


def _say_left_out(what: str, error: Exception) -> None:
    """Say that a part of the page failed, which costs nothing but itself."""
    said = str(error) or type(error).__name__
    warnings.warn(f"{what}: left out ({said})", UserWarning, stacklevel=4)


def _scores(cells: AnnotatedCells, labels_key: str, slots: SlotNames) -> ClassificationReport:
    from plkd.tools.evaluate import evaluate

    return evaluate(cells, labels_key=labels_key, prediction_key=slots.label)


def _map(cells: AnnotatedCells, labels_key: str | None, slots: SlotNames, seed: int) -> str | None:
    """Draw the cells as ``plkd.pl.embedding`` does."""
    from anndata import AnnData

    from plkd.plots import embedding

    try:
        if cells.embedding is None:
            raise LookupError(f"there is no obsm[{slots.embedding!r}]")
        obs = cells.obs.iloc[cells.drawn][_columns(labels_key, slots)]
        obs.index = cells.drawn.astype(str)  # names of cells may be there twice
        aside = AnnData(obs=obs, obsm={slots.embedding: cells.embedding})
        with TemporaryDirectory(prefix="plkd-") as folder:
            file = Path(folder) / "map.png"
            embedding(aside, labels_key, key_added=slots.key, seed=seed, save=file)
            return base64.b64encode(file.read_bytes()).decode("ascii")
    except Exception as error:
        _say_left_out("the map of the cells could not be drawn", error)
        return None


def _columns(labels_key: str | None, slots: SlotNames) -> list[str]:
    wanted = (labels_key, slots.label, slots.confidence)
    return list(dict.fromkeys(name for name in wanted if name is not None))


def _colours(cells: AnnotatedCells, labels_key: str | None, slots: SlotNames) -> dict[str, str]:
    """Return the colours that types have on the map."""
    from plkd.plots.types import looks_of

    keys = _columns(labels_key, slots)[:-1]
    there = {name for key in keys for name in as_text(cells.obs[key].iloc[cells.drawn])} - {""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some look alike has been said of the map
        return {name: look.colour for name, look in looks_of(sorted(there), None).items()}


def _page(overview: AnnotationOverview, *, scores: ClassificationReport | None, **more: Any) -> str:
    """Lay out the page; names of types and files are escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    text = files("plkd").joinpath(TEMPLATE).read_text(encoding="utf-8")
    f1 = {} if scores is None else {each.type: each.f1 for each in scores.per_type}
    return environment.from_string(text).render(
        overview=overview, facts=overview.facts, scores=scores, f1=f1, **more
    )
