"""The character transformer as makemore and nanoGPT write it, to be compared with.

Without biases, as nanoGPT is by default; the feed-forward layer has any of the three forms. In
training steps it is what a reader of these repositories would run: modules, autograd, AdamW.
"""

from __future__ import annotations

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from afnlab.functions.check import Function
from afnlab.training.transformer import Transformer


class CausalSelfAttention(nn.Module):
    def __init__(self, width: int, heads: int, positions: int) -> None:
        super().__init__()
        self.c_attn = nn.Linear(width, 3 * width, bias=False)
        self.c_proj = nn.Linear(width, width, bias=False)
        self.heads = heads
        self.register_buffer("mask", torch.tril(torch.ones(positions, positions)))

    def forward(self, x: Tensor) -> Tensor:
        batch, positions, width = x.shape
        parts = self.c_attn(x).split(width, dim=2)
        q, k, v = (t.view(batch, positions, self.heads, -1).transpose(1, 2) for t in parts)
        att = (q @ k.transpose(-2, -1)) * (1.0 / sqrt(k.size(-1)))
        mask = self.mask[:positions, :positions]  # type: ignore[index]
        att = att.masked_fill(mask == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(batch, positions, width))


class MLP(nn.Module):
    def __init__(self, width: int, hidden: int, function: Function, form: str) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, hidden, bias=False)
        self.c_gate = nn.Linear(width, hidden, bias=False) if form == "gated" else None
        self.c_proj = nn.Linear(hidden, width, bias=False)
        self.function, self.form = function, form

    def forward(self, x: Tensor) -> Tensor:
        z = self.function(self.c_fc(x))
        if self.c_gate is not None:
            z = z * self.c_gate(x)
        return self.c_proj(z.square() if self.form == "squared" else z)


class ReferenceBlock(nn.Module):
    def __init__(self, attention: nn.Module, mlp: nn.Module, width: int) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width, bias=False), attention
        self.ln_2, self.mlp = nn.LayerNorm(width, bias=False), mlp

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """The network with the weights of one of ours; its loss leaves out masked targets."""

    def __init__(self, ours: Transformer, function: Function) -> None:
        super().__init__()
        width, positions = ours.tokens.embedding_dim, ours.positions.num_embeddings
        self.wte = nn.Embedding(ours.tokens.num_embeddings, width)
        self.wpe = nn.Embedding(positions, width)
        self.h = nn.ModuleList()
        for block in ours.each_block:
            layer, heads = block.feed_forward, block.attention.heads
            mlp = MLP(width, layer.down.in_features, function, layer.form)
            self.h.append(ReferenceBlock(CausalSelfAttention(width, heads, positions), mlp, width))
        self.ln_f = nn.LayerNorm(width, bias=False)
        self.lm_head = nn.Linear(width, ours.output.out_features, bias=False)
        if ours.output.weight is ours.tokens.weight:
            self.lm_head.weight = self.wte.weight
        for name, weight in self._paired(ours):
            self.get_parameter(name).data.copy_(weight)

    @staticmethod
    def _paired(ours: Transformer) -> list[tuple[str, Tensor]]:
        """Names here, with the weights there."""
        pairs = [("wte.weight", ours.tokens.weight), ("wpe.weight", ours.positions.weight)]
        pairs += [("ln_f.weight", ours.norm.weight), ("lm_head.weight", ours.output.weight)]
        for i, block in enumerate(ours.each_block):
            weights = dict(block.named_parameters())
            names = {
                "ln_1.weight": "attention_norm.weight",
                "attn.c_attn.weight": "attention.inputs.weight",
                "attn.c_proj.weight": "attention.output.weight",
                "ln_2.weight": "feed_forward_norm.weight",
                "mlp.c_fc.weight": "feed_forward.up.weight",
                "mlp.c_proj.weight": "feed_forward.down.weight",
            }
            if "feed_forward.up.gate.weight" in weights:
                names["mlp.c_fc.weight"] = "feed_forward.up.gate.weight"
                names["mlp.c_gate.weight"] = "feed_forward.up.value.weight"
            pairs += [(f"h.{i}.{name}", weights[theirs]) for name, theirs in names.items()]
        return pairs

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        at = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.wte(tokens) + self.wpe(at)
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return F.cross_entropy(
            logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-100
        )
