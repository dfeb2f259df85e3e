"""plkd fitted on the reference of a task; kept in a folder where later runs are to share it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from predictions import BATCH, LABELS
from tasks import gene_set_file

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd import CellAnnotator
    from plkd.config import TrainConfig


@dataclass(frozen=True)
class Fitted:
    """A fitted model, and the seconds that its fit took when it was made."""

    model: CellAnnotator
    seconds: float


def fitted(
    reference: AnnData,
    folder: Path,
    *,
    name: str,
    seed: int,
    models: Path | None = None,
    training: TrainConfig | None = None,
) -> Fitted:
    """Return plkd fitted on a reference with the organism's Reactome sets, from disk where it is.

    Parameters
    ----------
    folder
        Data folder, for the gene sets.
    training
        plkd's default where ``None``.
    reference, name, models
        As :func:`fitted_as`.
    """
    import plkd

    sets = plkd.pp.read_gene_sets(gene_set_file(folder, list(reference.var_names)))
    model = plkd.CellAnnotator(sets, training=training, seed=seed)
    return fitted_as(model, reference, name=name, models=models)


def fitted_as(
    model: CellAnnotator, reference: AnnData, *, name: str, models: Path | None = None
) -> Fitted:
    """Return a model fitted on a reference, from disk where it is.

    A model on disk is taken where it was trained on as many cells of each type, with the same
    configurations and seed. It does not know whether plkd's code has changed since: delete the
    folder then.

    Parameters
    ----------
    reference
        Types in ``obs[LABELS]``, batches in ``obs[BATCH]``.
    name
        Of the task; the model's folder is called after it and the seed.
    models
        Folder of the models; ``None`` keeps none.
    """
    import plkd

    stem = stem_of(name, model.seed)
    if models is not None and is_kept(models, name, model.seed):
        kept = plkd.CellAnnotator.load(models / stem)
        if _same(kept, model, reference):
            took = models / f"{stem}.seconds"
            return Fitted(kept, float(took.read_text()) if took.is_file() else float("nan"))
    start = time.perf_counter()
    model.fit(reference, labels_key=LABELS, batch_key=BATCH)
    seconds = time.perf_counter() - start
    if models is not None:
        models.mkdir(parents=True, exist_ok=True)
        model.save(models / stem, overwrite=True)
        (models / f"{stem}.seconds").write_text(str(seconds), encoding="utf-8")
    return Fitted(model, seconds)


def stem_of(name: str, seed: int) -> str:
    """Return what the folder of a model is called."""
    return f"{name.replace(':', '-').replace('/', '-')}-seed{seed}"


def is_kept(models: Path | None, name: str, seed: int) -> bool:
    """Say whether a folder of models has one of this name and seed."""
    return models is not None and (models / stem_of(name, seed) / "plkd.json").is_file()


def _same(kept: CellAnnotator, wanted: CellAnnotator, reference: AnnData) -> bool:
    names = ("n_genes", "teacher", "student", "training", "seed")
    counts = reference.obs[LABELS].astype(str).value_counts().to_dict()
    return (
        all(getattr(kept, name) == getattr(wanted, name) for name in names)
        and kept.summary_["cells_of_type"] == counts
        and set(kept.genes_.names) <= set(reference.var_names)
    )
