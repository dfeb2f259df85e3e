"""How inputs are to be joined, checked before any work is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plkd.data.gene_names import examples
from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.model.annotator import CellAnnotator
from plkd.model.choices import check_seed
from plkd.model.predict import Network

Layer = str | Mapping[str, str | None] | None
UseRaw = bool | Mapping[str, bool]

FEWEST_FOR_UMAP = 10
LEAST_SCORE = 0.01


@dataclass(frozen=True)
class Joining:
    """How inputs are to be joined; the arguments of ``plkd.tl.integrate`` by their names."""

    paired: bool
    with_: Network
    align: bool
    structure: float | None
    batch_key: str | None
    weights: Sequence[float] | None
    gene_key: str | None
    expression: str | None
    slots: SlotNames
    neighbors: bool
    umap: bool
    n_neighbors: int
    seed: int
    chunk_size: int

    def __post_init__(self) -> None:
        check_seed(self.seed)


def values_of_each(
    layer: Layer, use_raw: UseRaw, names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return by name which values of each input to read: ``layer`` and ``use_raw``.

    Parameters
    ----------
    layer, use_raw
        For all alike, or by the names of some; of the others ``X`` is read.
    names
        Names of the inputs.

    Raises
    ------
    InputError
        An input of that name is not there.
    """
    layers = _by_name("layer", layer, names, absent=None)
    raws = _by_name("use_raw", use_raw, names, absent=False)
    return {name: {"layer": layers[name], "use_raw": raws[name]} for name in names}


def _by_name(argument: str, given: Any, names: Sequence[str], *, absent: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, given)
    given = {str(name): each for name, each in given.items()}
    strange = [name for name in given if name not in names]
    if strange:
        raise InputError(
            f"{argument} of inputs out of {examples(names, 20)}",
            f"{argument} of {examples(strange)}",
            "name the inputs as they are called",
        )
    return {name: given.get(name, absent) for name in names}


def model_of_each(model: Any, names: Sequence[str], *, paired: bool) -> list[CellAnnotator]:
    """Return the model of each input.

    Parameters
    ----------
    model
        One for all, or a sequence or mapping of as many as inputs.
    names
        Names of the inputs.
    paired
        Whether the inputs are modalities of the same cells.

    Raises
    ------
    InputError
        Something is no model, their number does not fit, or stacked cells have several.
    NotFittedError
        A model is not fitted.
    """
    models = _models(model, names)
    for each in models:
        each._check_fitted()
    if not paired and any(each is not models[0] for each in models):
        raise InputError(
            "one model for cells that are stacked",
            f"{len(set(map(id, models)))} models, whose embeddings cannot be compared",
            "pass one model, or paired=True where the inputs have the same cells",
        )
    return models


def _models(model: Any, names: Sequence[str]) -> list[CellAnnotator]:
    if isinstance(model, CellAnnotator):
        return [model] * len(names)
    if isinstance(model, Mapping):
        model = {str(name): each for name, each in model.items()}
        absent = [name for name in names if name not in model]
        if absent or len(model) != len(names):
            raise InputError(
                f"a model for each of {examples(names)}",
                f"models for {examples(list(model)) or 'none'}",
                "name the models as the inputs",
            )
        models = [model[name] for name in names]
    elif isinstance(model, Sequence) and not isinstance(model, str | bytes):
        models = list(model)
    else:
        models = [model]
    wrong = [type(each).__name__ for each in models if not isinstance(each, CellAnnotator)]
    if wrong:
        path = isinstance(model, str | Path)
        raise InputError(
            "a fitted CellAnnotator, or one for each input",
            examples(wrong),
            "load it: plkd.CellAnnotator.load(path)" if path else "pass CellAnnotators",
        )
    if len(models) == 1:
        models = models * len(names)
    if len(models) != len(names):
        raise InputError(
            f"one model, or one for each of {len(names)} inputs",
            f"{len(models)} models",
            "pass as many models as inputs",
        )
    return models


def weight_of_each(how: Joining, models: Sequence[CellAnnotator]) -> list[float]:
    """Return the weight of each input: as given, or by how well its model named held-out cells.

    Returns
    -------
    Without given weights the macro F1 of each model on the cells that it held out, over their mean;
    1 for all where a model held none out.

    Raises
    ------
    InputError
        Weights of unpaired inputs, too few or too many, or one that is not above 0.
    """
    if how.weights is None:
        return _weights_by_score(models, how.with_) if how.paired else [1.0] * len(models)
    weights = [float(weight) for weight in how.weights]
    if not how.paired:
        raise InputError(
            "weights with paired inputs only", "unpaired ones", "leave weights out, or pair them"
        )
    if len(weights) != len(models) or not all(0 < weight < np.inf for weight in weights):
        raise InputError(
            f"a weight above 0 for each of {len(models)} inputs",
            ", ".join(map(str, weights)) or "none",
            "pass as many weights as inputs, or leave them out",
        )
    return weights


def _weights_by_score(models: Sequence[CellAnnotator], network: Network) -> list[float]:
    summaries = [(model.summary_ or {}).get("held_out") or {} for model in models]
    scores = [summary.get(f"{network}_macro_f1") for summary in summaries]
    if any(score is None for score in scores):
        return [1.0] * len(models)
    told = [max(float(score or 0), LEAST_SCORE) for score in scores]
    return [score * len(told) / sum(told) for score in told]


def structure_of(how: Joining, models: Sequence[CellAnnotator]) -> float:
    """Return how much the principal axes count beside the embedding: as given, or as is usual.

    Returns
    -------
    Without a given number 1 for paired inputs whose models all have axes, and 0 otherwise.

    Raises
    ------
    InputError
        The number is negative or infinite, or a model has no axes.
    """
    known = all(
        model.trust_ is not None
        and model.trust_.groups is not None
        and how.with_ in model.trust_.networks
        and model.trust_.networks[how.with_].grouped is not None
        for model in models
    )
    if how.structure is None:
        return 1.0 if how.paired and known else 0.0
    if not 0 <= how.structure < np.inf:
        raise InputError("a structure of 0 or more", f"{how.structure}", "leave it out")
    if how.structure > 0 and not known:
        raise InputError(
            "a model that knows the principal axes of its reference",
            "one of an earlier format, or with fewer than 200 cells held out",
            "train it again on more cells, or leave structure out",
        )
    return float(how.structure)


def check_graph(how: Joining, n_cells: int) -> None:
    """Refuse neighbours and a UMAP of too few cells, before any work is done.

    Raises
    ------
    InputError
        Fewer than ten cells, or ``n_neighbors`` below 2.
    """
    if not (how.neighbors or how.umap):
        return
    if how.n_neighbors < 2:
        raise InputError("n_neighbors of 2 or more", f"{how.n_neighbors}", "leave it out")
    if n_cells < FEWEST_FOR_UMAP:
        raise InputError(
            f"at least {FEWEST_FOR_UMAP} cells for neighbours and a UMAP",
            f"{n_cells}",
            "pass more cells, or ask for neither",
        )
