"""Judging ideas by evidence that may be looked at after every seed, and ledgers of campaigns."""

from afnlab.judging.judge import judge
from afnlab.judging.judgement import Judgement
from afnlab.judging.ledger import Ledger, merge

__all__ = ["Judgement", "Ledger", "judge", "merge"]
