"""Which matrix of an AnnData or h5ad was asked for, and the errors when it is not there."""

from __future__ import annotations

from typing import Any

from plkd.data.gene_names import examples
from plkd.errors import InputError


def check_choice(layer: str | None, use_raw: bool) -> None:
    """Refuse a layer and raw at the same time."""
    if layer is not None and use_raw:
        raise InputError(
            "layer or use_raw, not both", f"layer={layer!r} and use_raw=True", "drop one of them"
        )


def slot_name(layer: str | None, use_raw: bool) -> str:
    """Return how the slot is printed."""
    return "raw.X" if use_raw else "X" if layer is None else f"layers[{layer!r}]"


def no_layer(layer: str, there: list[str]) -> InputError:
    """Return the error for a layer that is not there, naming those that are."""
    found = f"layers {examples(there)}" if there else "no layers at all"
    return InputError(f"a layer {layer!r}", found, "name one that is there, or leave layer out")


def no_raw() -> InputError:
    """Return the error for data without raw."""
    return InputError("raw, as use_raw=True asks", "data without raw", "leave use_raw out")


def no_matrix(slot: str, layers: list[str]) -> InputError:
    """Return the error for data without values in the slot."""
    found = f"none; there are layers {examples(layers)}" if layers else "none"
    return InputError(f"expression in {slot}", found, "name a layer, or pass data with X")


def check_shape(shape: tuple[int, ...], slot: str) -> None:
    """Refuse data without cells or without genes."""
    if len(shape) != 2 or shape[0] == 0 or shape[1] == 0:
        raise InputError(
            f"at least one cell and one gene in {slot}",
            f"{' x '.join(map(str, shape))} (cells x genes)",
            "check how the data were filtered",
        )


def not_numeric(slot: str, dtype: Any) -> InputError:
    """Return the error for values that are not numbers."""
    return InputError(f"numbers in {slot}", f"values of type {dtype}", "pass counts as numbers")


def text_columns(var: Any) -> dict[str, tuple[str, ...]]:
    """Return the columns of a data frame that hold text; missing entries become ``""``."""
    columns: dict[str, tuple[str, ...]] = {}
    for name in var.columns:
        column = var[name]
        kind = getattr(column.dtype, "kind", "O")
        categories = getattr(column.dtype, "categories", None)
        if kind in "biufcmM" or (categories is not None and categories.dtype.kind in "biuf"):
            continue
        values = column.astype(object).to_numpy()
        missing = column.isna().to_numpy()
        texts = tuple("" if gone else v for v, gone in zip(values, missing, strict=True))
        if all(isinstance(text, str) for text in texts):
            columns[str(name)] = texts
    return columns
