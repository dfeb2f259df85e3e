"""Functions that read an AnnData and write their result into it: ``plkd.tl``.

Each name is loaded on its first use, so that annotating does not pay for training or plotting.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plkd.tools.annotate import annotate
    from plkd.tools.attributions import attributions
    from plkd.tools.audit_labels import audit_labels
    from plkd.tools.deepest_types import deepest_types
    from plkd.tools.evaluate import evaluate
    from plkd.tools.gene_network import gene_network
    from plkd.tools.integrate import integrate
    from plkd.tools.label_agreement import label_agreement
    from plkd.tools.marker_genes import marker_genes
    from plkd.tools.patterns import patterns
    from plkd.tools.smooth_labels import smooth_labels

__all__ = [
    "annotate",
    "attributions",
    "audit_labels",
    "deepest_types",
    "evaluate",
    "gene_network",
    "integrate",
    "label_agreement",
    "marker_genes",
    "patterns",
    "smooth_labels",
]

_HOMES = {
    "annotate": "plkd.tools.annotate",
    "attributions": "plkd.tools.attributions",
    "audit_labels": "plkd.tools.audit_labels",
    "deepest_types": "plkd.tools.deepest_types",
    "evaluate": "plkd.tools.evaluate",
    "gene_network": "plkd.tools.gene_network",
    "integrate": "plkd.tools.integrate",
    "label_agreement": "plkd.tools.label_agreement",
    "marker_genes": "plkd.tools.marker_genes",
    "patterns": "plkd.tools.patterns",
    "smooth_labels": "plkd.tools.smooth_labels",
}


class _FunctionsFirst(ModuleType):
    """Keeps ``plkd.tools.annotate`` the function, although a module bears the same name.

    Python binds a submodule to its package once it is imported, which would hide the function
    from everyone who imported the submodule first.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FunctionsFirst


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'plkd.tools' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
