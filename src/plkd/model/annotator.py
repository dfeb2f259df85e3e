"""The model that users hold: fit on a reference, save, load, and annotate queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from plkd.config import AdaptConfig, StudentConfig, TeacherConfig, TrainConfig
from plkd.data.gene_sets import GeneSets, PatternMask
from plkd.data.reference_genes import GeneList
from plkd.errors import NotFittedError
from plkd.model.choices import check_choices
from plkd.model.contents import fingerprint, from_contents, to_contents
from plkd.model.files import read_model, write_model
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher
from plkd.training.progress import Progress, Silent
from plkd.trust.learned import Trust


class CellAnnotator:
    """Learn the cell types of a reference once, then annotate any query.

    Parameters
    ----------
    sets
        Gene sets that mask the Teacher's patterns (``plkd.pp.read_gene_sets``), or ``None``:
        the patterns are learned.
    n_genes
        Highly variable genes of the reference that some type expresses widely; ``None``: the
        paper's 2,000, or 4,000 where these name held-out cells of the reference better.
    teacher, student, training
        Shapes and training; see ``plkd.config``. ``TrainConfig.paper()`` is the paper's.
    seed
        Makes training repeatable, bit for bit on the CPU with as many threads; 0 to 2**32 - 1.
    device
        "auto" takes a GPU where there is one; "cpu", "cuda" and "mps" insist.
    devices
        Devices to train on. With more than one the script is started once for each (data
        parallel, by Lightning Fabric), and only the first saves the model.

    Attributes
    ----------
    classes_ : tuple of str
        Cell types, in the order of the probabilities.
    genes_ : GeneList
        The model's genes, in order.
    patterns_ : PatternMask
        Names and genes of the patterns.
    teacher_, student_ : Teacher, Student
        The trained networks, on the CPU; ``teacher_`` is ``None`` where it was not loaded.
    gene_weights_ : array of float32
        Share of the model's weight that each gene carries, ``(n_genes,)``; sums to 1.
    trust_ : Trust or None
        When to believe it; ``None`` where nothing was held out for it, and in older formats.
    contract_ : dict
        What the networks take, and what the reference was.
    summary_ : dict
        How training went: losses, held-out macro F1, chosen epochs.
    is_first_ : bool
        Whether this is the first of the processes that train; only it saves.

    Notes
    -----
    Sections 2.2 and 2.3 of Zhang, Ren & Li, Biology 2026.
    """

    classes_: tuple[str, ...]
    genes_: GeneList
    patterns_: PatternMask
    teacher_: Teacher | None
    student_: Student
    gene_weights_: NDArray[np.float32]
    trust_: Trust | None = None
    contract_: dict[str, Any]
    summary_: dict[str, Any]
    is_first_: bool

    def __init__(
        self,
        sets: GeneSets | None = None,
        *,
        n_genes: int | None = None,
        teacher: TeacherConfig | None = None,
        student: StudentConfig | None = None,
        training: TrainConfig | None = None,
        seed: int = 0,
        device: str = "auto",
        devices: int = 1,
    ) -> None:
        self.sets = sets
        self.n_genes = n_genes
        self.teacher = teacher or TeacherConfig()
        self.student = student or StudentConfig()
        self.training = training or TrainConfig()
        self.seed = seed
        self.device = device
        self.devices = devices

    def __repr__(self) -> str:
        if not self.is_fitted:
            return f"CellAnnotator(seed={self.seed}, device={self.device!r}), not fitted"
        sizes = len(self.classes_), len(self.genes_), self.patterns_.n_patterns
        return "CellAnnotator: {} cell types, {} genes, {} patterns".format(*sizes)

    @property
    def is_fitted(self) -> bool:
        """Whether the model can annotate."""
        return hasattr(self, "student_")

    def fit(
        self,
        adata: Any,
        *,
        labels_key: str,
        batch_key: str | None = None,
        layer: str | None = None,
        use_raw: bool = False,
        gene_key: str | None = None,
        expression: str | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from an annotated reference, which is not changed; what was known is forgotten.

        Parameters
        ----------
        adata
            The reference: counts or log1p counts per 10,000, told apart by their values.
        labels_key
            Column of ``obs`` with the cell types. Cells without a label take part in L1 only.
        batch_key
            Column of ``obs`` with the batches (donor, sample, study). Genes are then chosen
            within batches, and whole batches are held out to choose the number of epochs.
        layer, use_raw
            Take ``layers[layer]`` or ``raw.X`` in place of ``X``.
        gene_key
            Column of ``var`` with the gene names, in place of ``var_names``.
        expression
            "counts" or "log1p", where the values alone cannot tell.
        progress
            Told of every epoch; see ``plkd.training.progress.Progress``.

        Returns
        -------
        The annotator.

        Raises
        ------
        InputError
            It does not fit; the message says in what, and how to mend it.
        TrainingError
            The loss became NaN or infinite. ``teacher_`` then has its last good weights.
        """
        from plkd.model.devices import launch
        from plkd.model.fitting import learn
        from plkd.model.reference import prepare_reference

        check_choices(self)
        self._forget()
        fabric = launch(self.device, self.devices)
        self.is_first_ = bool(fabric.is_global_zero)
        reference = prepare_reference(
            adata,
            self.sets,
            labels_key=labels_key,
            batch_key=batch_key,
            n_genes=self.n_genes,
            seed=self.seed,
            teacher=self.teacher,
            layer=layer,
            use_raw=use_raw,
            gene_key=gene_key,
            expression=expression,
        )
        learn(self, reference, fabric, progress if progress and self.is_first_ else Silent())
        self.summary_ |= {"labels_key": labels_key, "batch_key": batch_key}
        return self

    def adapt(
        self,
        adata: Any,
        *,
        layer: str | None = None,
        use_raw: bool = False,
        gene_key: str | None = None,
        expression: str | None = None,
        config: AdaptConfig | None = None,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Return a model that has learned from a query's unlabelled cells, in seconds.

        Parameters
        ----------
        adata
            The query, as :func:`plkd.tl.annotate` takes it; labels are not looked at. Not changed.
        layer, use_raw, gene_key, expression, progress
            As in :meth:`fit`.
        config
            How; see :class:`plkd.config.AdaptConfig`.
        seed
            Decides the order of the cells; the default is the model's.

        Returns
        -------
        A new model with the same Teacher, hearing a discriminant of the query; this one stays.

        Raises
        ------
        InputError
            The query does not fit, or fewer than two cells have counts in the model's genes.
        NotFittedError
            The model has learned nothing yet.

        Notes
        -----
        Self-training, beyond the paper: compare with methods that have the query at hand, too.
        """
        from plkd.data.source import source_from_anndata
        from plkd.model.adapting import adapted_model

        self._check_fitted()
        source = source_from_anndata(adata, layer=layer, use_raw=use_raw)
        return adapted_model(
            self,
            source,
            gene_key=gene_key,
            expression=expression,
            config=config or AdaptConfig(),
            seed=self.seed if seed is None else seed,
            progress=progress or Silent(),
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model as a directory of JSON and safetensors, whole or not at all.

        Parameters
        ----------
        path
            The directory; made here.
        overwrite
            Replace a plkd model that stands there.

        Raises
        ------
        OutputExistsError
            ``path`` exists, and ``overwrite`` is not set or it is no plkd model.
        NotFittedError
            There is nothing to save yet.
        """
        self._check_fitted()
        if self.is_first_:
            write_model(Path(path), to_contents(self), overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path, *, with_teacher: bool = True) -> Self:
        """Return a saved model; the Student alone is enough to annotate.

        Parameters
        ----------
        path
            The directory that ``save`` wrote.
        with_teacher
            Also load the Teacher.

        Returns
        -------
        A fitted annotator.

        Raises
        ------
        ModelFileError
            There is no such model, it was changed, or a newer plkd wrote it.
        """
        return from_contents(cls(), read_model(Path(path), with_teacher=with_teacher))

    def fingerprint(self) -> str:
        """Name the fitted Student by its weights, genes and classes.

        Returns
        -------
        16 hexadecimal characters.
        """
        self._check_fitted()
        return fingerprint(self)

    def _check_fitted(self) -> None:
        if not self.is_fitted:
            raise NotFittedError(
                "a fitted CellAnnotator",
                "one that has learned nothing yet",
                "call fit with a reference, or CellAnnotator.load a saved model",
            )

    def _forget(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
