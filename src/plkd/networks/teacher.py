"""The Teacher: Navigator, Transformer and classifier."""

from __future__ import annotations

from typing import NamedTuple, final

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from plkd.networks.navigator import Navigator
from plkd.networks.transformer import Transformer, attention_rollout


class TeacherOutput(NamedTuple):
    """What the Teacher says of a batch of cells."""

    logits: Float[Tensor, "cell type"]
    """The paper's :math:`y^T`."""
    embedding: Float[Tensor, "cell h"]
    """The updated cls token :math:`c_r`, after the final LayerNorm."""


class TeacherReading(NamedTuple):
    """What can be read inside the Teacher."""

    logits: Float[Tensor, "cell type"]
    embedding: Float[Tensor, "cell h"]
    tokens: Float[Tensor, "cell pattern h"]
    """Pattern tokens :math:`v_j` of the Navigator, before the Transformer."""
    rollout: Float[Tensor, "cell pattern"]
    """Attention of the cell (cls) to each pattern, by rollout; non-negative, sums to at most 1."""


@final
class Teacher(nn.Module):
    """Annotate cells through gene-set tokens and self-attention.

    Notes
    -----
    Section 2.2 of the paper. Classifier: Linear(h, h), tanh, Linear(h, k) on the cls token.
    Deviations: with ``profiles``, float32 ``(n_types, n_genes)``, the cell's agreement with the
    mean profile of each type is added to its logits (:mod:`plkd.data.type_profiles`).
    """

    profiles: Tensor | None

    def __init__(
        self, navigator: Navigator, n_types: int, *, depth: int, heads: int, mlp_ratio: int
    ) -> None:
        super().__init__()
        width = navigator.width
        self.navigator = navigator
        self.transformer = Transformer(width, depth=depth, heads=heads, mlp_ratio=mlp_ratio)
        self.pre_logits = nn.Linear(width, width)
        self.head = nn.Linear(width, n_types)
        self.register_buffer("profiles", None)

    @property
    def n_patterns(self) -> int:
        """Number of patterns m, masked and free."""
        return self.navigator.n_patterns

    def forward(
        self,
        expression: Float[Tensor, "cell gene"],
        kept_patterns: Int[Tensor, " kept"] | None = None,
    ) -> TeacherOutput:
        """Return logits and embeddings; ``kept_patterns`` (ascending) leaves out the others."""
        tokens = self.navigator(expression, kept_patterns)
        embedding = self.transformer(tokens).tokens[:, 0]
        return TeacherOutput(self.classify(embedding, expression), embedding)

    def read(self, expression: Float[Tensor, "cell gene"]) -> TeacherReading:
        """Return logits, embeddings, pattern tokens and attention to the patterns."""
        tokens = self.navigator(expression)
        attended = self.transformer(tokens, attention=True)
        embedding = attended.tokens[:, 0]
        rollout = attention_rollout(attended.attention)
        logits = self.classify(embedding, expression)
        return TeacherReading(logits, embedding, tokens, rollout)

    def classify(
        self, embedding: Float[Tensor, "cell h"], expression: Float[Tensor, "cell gene"]
    ) -> Float[Tensor, "cell type"]:
        """Return the logits of cells by their embeddings and, with profiles, their expression."""
        logits: Tensor = self.head(self.pre_logits(embedding).tanh())
        return logits if self.profiles is None else logits + F.linear(expression, self.profiles)

    def n_dense_parameters(self) -> int:
        """Parameters if the Navigator were held dense, as the paper counts them."""
        packed = sum(p.numel() for p in self.navigator.parameters())
        return (
            sum(p.numel() for p in self.parameters()) - packed + self.navigator.n_dense_parameters()
        )
