"""Untrained networks of the shapes that a configuration and a mask ask for."""

from __future__ import annotations

import numpy as np
import torch

from plkd.config import StudentConfig, TeacherConfig
from plkd.data.gene_sets import PatternMask
from plkd.networks.navigator import Navigator
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher


def build_teacher(mask: PatternMask, config: TeacherConfig, n_types: int) -> Teacher:
    """Return a Teacher for the patterns of ``mask``."""
    navigator = Navigator(
        mask.n_genes,
        config.width,
        pattern_index=torch.from_numpy(np.asarray(mask.pattern_index)),
        gene_index=torch.from_numpy(np.asarray(mask.gene_index)),
        n_masked=mask.n_patterns - mask.n_free,
        n_free=mask.n_free,
    )
    return Teacher(
        navigator, n_types, depth=config.depth, heads=config.heads, mlp_ratio=config.mlp_ratio
    )


def build_student(n_genes: int, n_types: int, config: StudentConfig) -> Student:
    """Return a Student for so many genes and types."""
    return Student(n_genes, n_types, hidden=config.hidden, dropout=config.dropout)
