"""Whether higher or lower values of a metric are better may be assumed by its name, or not."""

from __future__ import annotations

import re

from afnlab.messages import plain

# Words of metrics of which lower values usually are better.
_LOSSES = frozenset(
    (
        *("loss", "losses", "error", "errors", "err", "perplexity", "ppl", "entropy", "xent"),
        *("likelihood", "nll", "ce", "bce", "mse", "rmse", "mae", "mape", "sse", "residual"),
        *("residuals", "bits", "bpb", "bpc", "bpd", "brier", "ece", "mce", "divergence", "kl"),
        *("distance", "fid", "wer", "cer", "regret", "cost", "costs", "time", "times", "seconds"),
        *("secs", "sec", "ms", "runtime", "walltime", "duration", "latency"),
    )
)
_LOSS_AT_THE_END = re.compile(r"(loss|error|perplexity|entropy|mse|mae)$")  # valloss
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")  # val, Loss, MSE of valLossMSE


def may_be_lower(name: str) -> bool:
    """Whether the name of a metric says that lower values may be better: test_loss, RMSE, time.

    Nobody knows by a name alone: `neg_mean_squared_error` of scikit-learn is better if higher.

    Args:
        name: the metric's.
    """
    words = map(str.lower, _WORD.findall(name))
    return any(word in _LOSSES or _LOSS_AT_THE_END.search(word) for word in words)


def check_direction(better: str | None, *names: str, in_file: bool = False) -> None:
    """Refuse to assume that higher values are better where the name speaks against it.

    Args:
        better: what was said; None: nothing.
        names: of the metric, the first as it was given, others as it is called too.
        in_file: whether a sweep file may say it.

    Raises:
        ValueError: The metric may be one of which lower values are better.
    """
    if better is not None or not any(map(may_be_lower, names)):
        return
    file = f", or in the sweep file metric: {{name: {plain(names[0])}, better: lower}}"
    raise ValueError(
        f"{plain(names[0])}: is lower or higher better? Say --better lower or --better higher"
        f' (in Python better="lower"{file if in_file else ""})'
    )
