"""What training tells whoever watches it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Receives the course of training; the command line draws it, notebooks may log it."""

    def start(self, stage: str, total_epochs: int) -> None:
        """Begin a stage ("teacher, choosing epochs", say)."""

    def epoch(self, stage: str, epoch: int, loss: float, held_out_macro_f1: float | None) -> None:
        """Report a finished epoch: mean loss in nats, macro F1 in [0, 1] on held-out cells."""

    def finish(self, stage: str) -> None:
        """End a stage."""


class Silent:
    """The default: says nothing."""

    def start(self, stage: str, total_epochs: int) -> None:
        """Do nothing."""

    def epoch(self, stage: str, epoch: int, loss: float, held_out_macro_f1: float | None) -> None:
        """Do nothing."""

    def finish(self, stage: str) -> None:
        """Do nothing."""
