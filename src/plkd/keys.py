"""Every slot that plkd writes into an AnnData, in one place.

With ``key_added="plkd"`` (the default) annotation writes:

==========================  =========================================================
slot                        content
==========================  =========================================================
``obs['plkd_label']``       annotated cell type, categorical over the model's classes
``obs['plkd_confidence']``  probability of that type, float32 in [0, 1]
``obs['plkd_no_counts']``   True where a cell has no count in any of the model's genes
``obsm['X_plkd']``          embedding, float32: Student 128 wide, Teacher 48 wide
``obsm['plkd_proba']``      probabilities of all types, float32, only on request
``uns['plkd']``             provenance: model hash, versions, gene match, input contract
==========================  =========================================================

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
