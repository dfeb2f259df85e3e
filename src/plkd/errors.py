"""Errors that a user can act on: what was expected, what was found, how to mend it."""

from __future__ import annotations


class PlkdError(Exception):
    """Base of every deliberate error. The message is one line and needs no traceback.

    Parameters
    ----------
    expected
        The constraint, as a noun phrase ("a column 'cell_type' in obs").
    found
        The offending value and where it stood.
    mend
        What the user can do now, as an imperative.
    """

    def __init__(self, expected: str, found: str, mend: str) -> None:
        self.expected = expected
        self.found = found
        self.mend = mend
        super().__init__(f"expected {expected}; found {found}. To mend it: {mend}")

    def __reduce__(self) -> tuple[type[PlkdError], tuple[str, str, str]]:
        return type(self), (self.expected, self.found, self.mend)


class InputError(PlkdError, ValueError):
    """The data or an argument does not fit."""


class GeneMatchError(InputError):
    """The query's genes do not fit the model's genes."""


class ModelFileError(PlkdError, OSError):
    """A saved model is missing, damaged, altered, or written by a newer plkd."""


class OutputExistsError(PlkdError, FileExistsError):
    """The output is already there and overwriting was not asked for."""


class NotFittedError(PlkdError, AttributeError):
    """The annotator was used before ``fit`` or ``load``."""


class TrainingError(PlkdError, RuntimeError):
    """Training cannot go on (a loss that is not finite, say)."""
