"""Cell type annotation with gene-set patterns and a distilled student network.

Train once on an annotated reference, then label any number of query data sets::

    import plkd

    model = plkd.CellAnnotator().fit(reference, labels_key="cell_type", batch_key="donor")
    plkd.tl.annotate(query, model)

Names
-----
CellAnnotator
    The model: fit, save, load.
pp
    Input: gene sets, gene matching, labels (``plkd.data``).
tl
    Functions that read and write an AnnData (``plkd.tools``).
pl
    Figures (``plkd.plots``).
metrics
    Measures of quality on plain arrays (``plkd.metrics``).
write_report
    A page to read on an annotation (``plkd.report``).

Every name is loaded on its first use, so ``import plkd`` itself takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plkd import data as pp
    from plkd import metrics
    from plkd import plots as pl
    from plkd import tools as tl
    from plkd.model.annotator import CellAnnotator
    from plkd.report import write_report

    __version__: str

__all__ = ["CellAnnotator", "__version__", "metrics", "pl", "pp", "tl", "write_report"]

_MODULES = {
    "metrics": "plkd.metrics",
    "pl": "plkd.plots",
    "pp": "plkd.data",
    "tl": "plkd.tools",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = import_module(_MODULES[name])
    elif name == "CellAnnotator":
        value = import_module("plkd.model.annotator").CellAnnotator
    elif name == "write_report":
        value = import_module("plkd.report").write_report
    elif name == "__version__":
        value = import_module("importlib.metadata").version("plkd")
    else:
        raise AttributeError(f"module 'plkd' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
