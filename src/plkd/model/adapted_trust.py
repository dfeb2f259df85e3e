"""What an adapted model hears beside its Student, and how sure it is of the query."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.config import AdaptConfig
from plkd.model.predict import Predictor
from plkd.trust.learned import NetworkTrust, Trust
from plkd.trust.query_discriminant import query_discriminant

if TYPE_CHECKING:
    from plkd.model.annotator import CellAnnotator

NETWORK: Literal["student"] = "student"


def adapted_trust(
    model: CellAnnotator,
    adapted: CellAnnotator,
    expression: csr_matrix,
    *,
    share: NDArray[np.floating],
    config: AdaptConfig,
) -> Trust | None:
    """Return what the adapted model knows of when to be believed.

    Parameters
    ----------
    model
        The model as it was.
    adapted
        The same with its adapted Student.
    expression
        The query's cells in the model's terms, ``(n_cells, n_genes)``.
    share
        Probabilities of the types before, ``(n_cells, n_types)``.

    Returns
    -------
    What the model knew, with a discriminant of the query beside the Student. Two that were made of
    one another's answers agree more often than they are right: the Student's confidence is
    therefore drawn in until its mean over the query's cells is what it was before. ``None`` where
    the model knew nothing.
    """
    known = model.trust_
    if known is None or NETWORK not in known.networks or not config.discriminant_weight:
        return known
    beside = query_discriminant(
        expression,
        share.astype(np.float64),
        weight=config.discriminant_weight,
        fewest=config.discriminant_cells,
    )
    if beside is None:
        return known
    trust = replace(known.networks[NETWORK], query=beside)
    before = _probabilities_and_scores(model, expression)
    listening = copy.copy(adapted)
    listening.trust_ = _with(known, trust)
    after = _probabilities_and_scores(listening, expression)
    as_sure = float(trust.calibration.confidence(*before).mean())
    return _with(known, replace(trust, calibration=trust.calibration.as_sure_as(as_sure, *after)))


def _probabilities_and_scores(
    model: CellAnnotator, expression: csr_matrix
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the probability of the type that a cell is named, and how strange it is."""
    said = Predictor(model, NETWORK).of_rows(expression)
    scores = np.zeros(len(said.probabilities)) if said.scores is None else said.scores
    return said.probabilities.max(1), scores.astype(np.float32)


def _with(known: Trust, trust: NetworkTrust) -> Trust:
    return replace(known, networks={**known.networks, NETWORK: trust})
