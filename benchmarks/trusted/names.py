"""Parts, methods and aims of the trust benchmark: what they are called and look like."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from study.names import Look

LEFT_OUT, KNOWN = "left out", "known"
"""Parts: a type taken out of the reference, and cells of types that the reference has."""

NOTHING = "(nothing)"
"""Stands in the place of a left-out type where the reference is whole."""

AUTO, FULL, FROM_LEFT_OUT = "auto", "full", "left out"
"""Whence cells of known types are taken: fits of the whole reference where they are kept, or made
in any case, or the fits without a type."""

PLKD, SOFTMAX, ENTROPY = "plkd", "max softmax", "entropy"
CELLTYPIST, LOGISTIC, SCANVI = "celltypist", "logistic unscaled", "scanvi"
OURS = (PLKD, SOFTMAX, ENTROPY)
"""All of one fit: what plkd says, and what its Student's plain probabilities alone would say."""

PEERS = (CELLTYPIST, LOGISTIC, SCANVI)
METHODS = (*OURS, *PEERS)
WITHOUT_RANDOMNESS = (CELLTYPIST, LOGISTIC)
"""Methods on which the seed has no effect: they run once, and that row stands for every seed."""

CONFIDENT = (PLKD, SOFTMAX, *PEERS)
"""Methods that give a probability of the label."""

LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        PLKD: Look("plkd", "#0072B2", "o"),
        SOFTMAX: Look("max softmax", "#D55E00", "s"),
        ENTROPY: Look("entropy", "#E69F00", "v"),
        CELLTYPIST: Look("CellTypist", "#009E73", "D"),
        LOGISTIC: Look("logistic regression", "#9A9A9A", "^"),
        SCANVI: Look("scANVI", "#B08FAE", "P"),
    }
)

FALSE_ALARM, ERROR_RATE = 0.05, 0.1
"""What plkd is asked for, its defaults."""

AUROC, ABOVE_SOFTMAX = 0.90, 0.05
UNKNOWN_OF_KNOWN = 0.07
ECE, OF_THE_PEERS_ECE = 0.05, 0.5
COVERAGE, SET_SIZE = (0.87, 0.95), 1.5
SLOWER = 1.3
"""What is aimed at, as means over tasks."""
