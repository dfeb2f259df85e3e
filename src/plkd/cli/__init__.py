"""The command line ``plkd``: one command a verb, heavy imports only when a command needs them."""

from __future__ import annotations

from plkd.cli.commands import app, main

__all__ = ["app", "main"]
