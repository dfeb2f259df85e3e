"""Every hyper-parameter, its default and why. Frozen: a configuration never changes in use."""

from __future__ import annotations

from plkd.config.adapting import AdaptConfig
from plkd.config.networks import StudentConfig, TeacherConfig
from plkd.config.training import TrainConfig

__all__ = ["TARGET_SUM", "AdaptConfig", "StudentConfig", "TeacherConfig", "TrainConfig"]

TARGET_SUM = 1e4
"""Library size to which counts are scaled before log1p: counts per 10,000 (paper, section 3.2)."""
