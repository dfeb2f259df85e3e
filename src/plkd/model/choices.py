"""What users chose for a model, checked before anything is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plkd.data.gene_sets import GeneSets
from plkd.errors import InputError

if TYPE_CHECKING:
    from plkd.model.annotator import CellAnnotator

HIGHEST_SEED = 2**32 - 1
"""Largest seed that numpy's and scikit-learn's random states take."""

READ_SETS = "plkd.pp.read_gene_sets(path)"


def check_choices(model: CellAnnotator) -> None:
    """Refuse gene sets, a number of genes or a seed that ``fit`` could not work with.

    Raises
    ------
    InputError
        The gene sets were not read, or those of a loaded model are not known; fewer than two genes
        are asked for; the seed is out of its range.
    """
    if not isinstance(model.sets, GeneSets | None):
        raise InputError(
            f"gene sets as {READ_SETS} returns them, or None",
            f"{type(model.sets).__name__} {str(model.sets)[:60]!r}",
            f"pass {READ_SETS}",
        )
    if model.n_genes is not None and model.n_genes < 2:
        raise InputError("n_genes of 2 or more", f"{model.n_genes}", "leave it out")
    check_seed(model.seed)
    masked = model.patterns_.n_patterns - model.patterns_.n_free if model.is_fitted else 0
    if model.sets is None and masked:
        raise InputError(
            f"gene sets for a model that learned with {masked:,} of them",
            "none: a saved model does not hold the sets themselves",
            f"set model.sets = {READ_SETS}, or make a new CellAnnotator",
        )


def check_seed(seed: Any) -> None:
    """Refuse a seed that not every source of randomness takes.

    Raises
    ------
    InputError
        It is no int, or below 0 or above 4294967295.
    """
    if not isinstance(seed, int) or not 0 <= seed <= HIGHEST_SEED:
        raise InputError(
            f"a seed between 0 and {HIGHEST_SEED}, an int",
            repr(seed),
            "pass one in this range",
        )
