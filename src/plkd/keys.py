"""Every slot that plkd writes into an AnnData, in one place.

With ``key_added="plkd"`` (the default) annotation writes:

==========================  =========================================================
slot                        content
==========================  =========================================================
``obs['plkd_label']``       annotated cell type or "unknown", categorical
``obs['plkd_best_label']``  most probable type of the reference, categorical
``obs['plkd_confidence']``  probability that the best label is right, float32 in [0, 1]
``obs['plkd_novelty']``     how unlike the reference a cell is, float32 in [0, 1]
``obs['plkd_set']``         types that hold the true one at a stated rate, categorical
``obs['plkd_no_counts']``   True where a cell has no count in any of the model's genes
``obsm['X_plkd']``          embedding, float32: Student 128 wide, Teacher 48 wide
``obsm['plkd_proba']``      probabilities of all types, float32, only on request
``uns['plkd']``             provenance: fingerprint of the model, versions, gene match
==========================  =========================================================

Smoothing over the neighbours on a slice (``plkd.tl.smooth_labels``), where it is asked for, adds:

===================================  ====================================================
slot                                 content
===================================  ====================================================
``obs['plkd_label_smoothed']``       cell type, the neighbours heard, categorical
``obs['plkd_confidence_smoothed']``  probability of that type, float32 in [0, 1]
``uns['plkd_smoothing']``            weight, neighbours, how many labels changed
===================================  ====================================================

The deepest type that a cell is surely of (``plkd.tl.deepest_types``), where it is asked for, adds:

==================================  =====================================================
slot                                content
==================================  =====================================================
``obs['plkd_deepest']``             a type, one above it in the hierarchy, or "unknown"
``obs['plkd_deepest_confidence']``  probability of that, float32 in [0, 1]
``uns['plkd_hierarchy']``           where the hierarchy is from, the confidence asked for
==================================  =====================================================

A joint embedding (``plkd.tl.integrate``) is a new AnnData with ``obsm['X_plkd']``,
``obs['plkd_no_counts']``, ``uns['plkd']`` and, where cells are stacked, ``obs['plkd_layer']``: the
input, or the batch, that each cell is of.

The new AnnData of gene activity has ``uns['plkd_gene_activity']``: genome annotation, how genes
were taken, what was found.
"""

from __future__ import annotations

from dataclasses import dataclass

from plkd.errors import InputError

DEFAULT_KEY = "plkd"
GENE_ACTIVITY_KEY = "plkd_gene_activity"


@dataclass(frozen=True)
class SlotNames:
    """Names of the written slots for one ``key_added``.

    Raises
    ------
    InputError
        The name is empty, or h5ad files cannot hold it.
    """

    key: str = DEFAULT_KEY

    def __post_init__(self) -> None:
        if not self.key or "/" in self.key:  # h5ad files take "/" for a group within a group
            raise InputError(
                "a name without '/' for key_added", repr(self.key), "choose another name"
            )

    @property
    def of_cells(self) -> tuple[str, ...]:
        """Columns of ``obs`` that annotation may write."""
        return (
            self.label,
            self.best_label,
            self.confidence,
            self.novelty,
            self.type_set,
            self.no_counts,
        )

    @property
    def of_later_steps(self) -> dict[str, tuple[str, str]]:
        """Entries of ``uns`` of what is made of an annotation, with the columns of each."""
        return {
            self.smoothing: (self.smoothed_label, self.smoothed_confidence),
            self.hierarchy: (self.deepest, self.deepest_confidence),
        }

    @property
    def label(self) -> str:
        return f"{self.key}_label"

    @property
    def confidence(self) -> str:
        return f"{self.key}_confidence"

    @property
    def no_counts(self) -> str:
        return f"{self.key}_no_counts"

    @property
    def layer(self) -> str:
        return f"{self.key}_layer"

    @property
    def embedding(self) -> str:
        return f"X_{self.key}"

    @property
    def probabilities(self) -> str:
        return f"{self.key}_proba"

    @property
    def provenance(self) -> str:
        return self.key

    @property
    def best_label(self) -> str:
        return f"{self.key}_best_label"

    @property
    def novelty(self) -> str:
        return f"{self.key}_novelty"

    @property
    def type_set(self) -> str:
        return f"{self.key}_set"

    @property
    def deepest(self) -> str:
        return f"{self.key}_deepest"

    @property
    def deepest_confidence(self) -> str:
        return f"{self.key}_deepest_confidence"

    @property
    def hierarchy(self) -> str:
        return f"{self.key}_hierarchy"

    @property
    def smoothed_label(self) -> str:
        return f"{self.label}_smoothed"

    @property
    def smoothed_confidence(self) -> str:
        return f"{self.confidence}_smoothed"

    @property
    def smoothing(self) -> str:
        return f"{self.key}_smoothing"


def key_of_label(column: str) -> str:
    """Return the ``key_added`` with which annotation writes its labels into a column of ``obs``.

    Raises
    ------
    InputError
        Annotation writes labels into no column of this name.
    """
    key = column.removesuffix("_label")
    if not key or SlotNames(key).label != column:
        raise InputError(
            "labels as annotation writes them, in obs['plkd_label'] or another 'KEY_label'",
            repr(column),
            "leave out the page, or evaluate the labels that plkd annotate wrote",
        )
    return key
