"""Judging ideas by evidence that may be looked at after every seed, and ledgers of campaigns."""

from afnlab.judging.judge import Judgement, judge
from afnlab.judging.ledger import Ledger, merge

__all__ = ["Judgement", "Ledger", "judge", "merge"]
