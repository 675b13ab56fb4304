"""A character transformer whose feed-forward layers have a form: plain, squared or gated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from afnlab.feedforward import GLU, FeedForward, hidden_size
from afnlab.native.attention import attention
from afnlab.training.models import MakeActivation, rotated_linear


class CausalAttention(nn.Module):
    """Attention of every position (batch, positions, width) to itself and those before it."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.inputs = nn.Linear(width, 3 * width, bias=False)  # of queries, keys and values
        self.output = nn.Linear(width, width, bias=False)
        self.heads, self.dropout = heads, dropout

    def forward(self, x: Tensor) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        return self.output(attention(self.inputs(x), self.heads, dropout))


class Block(nn.Module):
    """Attention and a feed-forward layer, each on normalized inputs and added to them."""

    def __init__(self, attention: CausalAttention, feed_forward: FeedForward) -> None:
        super().__init__()
        width = attention.output.out_features
        self.attention_norm, self.attention = nn.LayerNorm(width, bias=False), attention
        self.feed_forward_norm, self.feed_forward = nn.LayerNorm(width, bias=False), feed_forward
        self.dropout = attention.dropout

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._dropped(self.attention(self.attention_norm(x)))
        return x + self._dropped(self.feed_forward(self.feed_forward_norm(x)))

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class Transformer(nn.Module):
    """Logits (batch, positions, tokens) of the next token, from tokens (batch, positions).

    The layers are nanoGPT's without biases: learned positions, pre-norm blocks, a last
    normalization, an output layer that with `tied` is the transposed embedding.

    padding: a token that fills up sequences behind their end; at the first position it is none.
    Positions that it fills have logits of no meaning, which `stacked_transformer` does not compute.
    """

    def __init__(
        self,
        tokens: int,
        positions: int,
        width: int,
        blocks: list[Block],
        tied: bool = False,
        padding: int | None = None,
    ) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(tokens, width), nn.Embedding(positions, width)
        self.blocks, self.norm = nn.ModuleList(blocks), nn.LayerNorm(width, bias=False)
        self.output = nn.Linear(width, tokens, bias=False)
        if tied:
            self.output.weight = self.tokens.weight
        self.dropout, self.padding = blocks[0].dropout, padding

    @property
    def each_block(self) -> list[Block]:
        """The blocks, in their order."""
        return list(self.blocks)  # type: ignore[arg-type]

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[-1]]
        x = F.dropout(x, self.dropout, self.training) if self.dropout else x
        for block in self.blocks:
            x = block(x)
        return self.output(self.norm(x))

    @torch.no_grad()
    def initialize(self, draws: torch.Generator, spread: float | None) -> None:
        """Draw weights.

        What the forms of the feed-forward layer have in common is drawn alike, so that at one seed
        a plain and a gated network differ in as little as they can: all that is no feed-forward
        layer is the same, and the smaller W1 and W2 are parts of the larger ones, up to a factor.

        Args:
            draws: where they come from.
            spread: nanoGPT's: normal with this standard deviation, and less where a block's output
                is added; None: torch's own, as in makemore.
        """
        added = 1 / sqrt(2 * len(self.blocks))

        def drawn(rows: int, columns: int) -> Tensor:
            if spread is None:
                return 2 * torch.rand(rows, columns, generator=draws) - 1
            return spread * torch.randn(rows, columns, generator=draws)

        def fill(layer: nn.Module, values: Tensor, factor: float = 1.0) -> None:
            weight: Tensor = layer.weight  # type: ignore[assignment]
            factor = factor if spread is not None else 1 / sqrt(weight.shape[1])
            weight.copy_(factor * values[: weight.shape[0], : weight.shape[1]])

        width = self.tokens.embedding_dim
        fill(self.output, drawn(*self.output.weight.shape))
        for layer in (self.tokens, self.positions):  # a tied weight keeps this draw
            size = 1.0 if spread is None else spread
            layer.weight.copy_(size * torch.randn(layer.weight.shape, generator=draws))
        for block in self.each_block:
            attention, feed_forward = block.attention, block.feed_forward
            fill(attention.inputs, drawn(3 * width, width))
            fill(attention.output, drawn(width, width), added)
            fill(feed_forward.first, drawn(hidden_size(width), width))
            fill(feed_forward.down, drawn(hidden_size(width), width).T, added)
        for block in self.each_block:
            if isinstance(block.feed_forward.up, GLU):
                value = block.feed_forward.up.value
                hidden = block.feed_forward.down.in_features
                fill(value, drawn(hidden, width))


def pack(tokens: Tensor, padding: int | None) -> tuple[Tensor, Tensor]:
    """Where the tokens are that are no padding.

    Args:
        tokens: (sequences, positions).
        padding: the token that fills up sequences behind their end.

    Returns:
        Their places in the flat tokens, and how many of them lie before each sequence and in all.
    """
    count, positions = tokens.shape
    if padding is None:
        lengths = torch.full((count,), positions)
    else:
        at = torch.arange(positions)
        lengths = ((tokens != padding) * at).amax(1) + 1
    rows = (torch.arange(positions) < lengths.unsqueeze(1)).flatten().nonzero().squeeze(1)
    return rows, F.pad(lengths.cumsum(0), (1, 0))


def unpacked(values: Tensor, rows: Tensor, sequences: int, positions: int) -> Tensor:
    """Values of the tokens that are no padding, as (sequences, positions, ...), elsewhere 0."""
    every = values.new_zeros(sequences * positions, values.shape[1])
    return every.index_copy(0, rows, values).view(sequences, positions, -1)


def transformer(
    tokens: int,
    positions: int,
    heads: int,
    tied: bool = False,
    dropout: float = 0.0,
    padding: int | None = None,
    spread: float | None = None,
) -> Callable[..., nn.Module]:
    """A character transformer; see `Transformer`.

    Args:
        tokens: how many different ones there are.
        positions: the longest sequence.
        heads: attention heads a block; the width is a multiple of it.
        tied: whether the output layer has the weights of the embedding.
        dropout: of embeddings, attention weights and what a block adds.
        padding: the token behind the end of sequences.
        spread: of the initial weights, see `Transformer.initialize`.
    """

    def build(
        activation: MakeActivation,
        form: str,
        width: int,
        layers: int,
        auto_rot: bool = False,
        L: float | Tensor = 4.0,
    ) -> nn.Module:
        # Normalized inputs (before their weights, which start at 1) lie between these.
        linear: Callable[..., nn.Module] = nn.Linear
        if auto_rot:
            linear = partial(rotated_linear, L=L, xmin_lim=-sqrt(width), xmax_lim=sqrt(width))
        draws = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        blocks = [
            Block(
                CausalAttention(width, heads, dropout),
                FeedForward(width, activation, form, linear=linear),
            )
            for _ in range(layers)
        ]
        network = Transformer(tokens, positions, width, blocks, tied, padding)
        network.initialize(draws, spread)
        return network

    return build
