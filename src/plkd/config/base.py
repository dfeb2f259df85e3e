"""What all configurations share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from plkd.errors import InputError


@dataclass(frozen=True)
class Config:
    """What all configurations share: values in their ranges, plain numbers and back."""

    def __post_init__(self) -> None:
        for name, (low, high) in self._ranges().items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(
                    f"{type(self).__name__}.{name} between {low} and {high}",
                    f"{value!r}",
                    "choose a value in this range",
                )

    @classmethod
    def _ranges(cls) -> dict[str, tuple[float, float]]:
        return {}

    def as_dict(self) -> dict[str, Any]:
        """Return the values for the model file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the configuration that ``as_dict`` wrote; fields it lacks take their default."""
        known = {field.name for field in fields(cls)}
        tupled = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known
        }
        return cls(**tupled)
