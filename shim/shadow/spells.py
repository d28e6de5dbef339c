"""What is seen again and again, and so is no accident of one call.

A single call tells nothing: a thread that waits for the interpreter makes any side a thousand
times slower for once, and somebody else may start a thread at that moment.
"""

from collections import deque

THREADS = "threads"
"""The path of a difference in the threads that calls leave behind. As for a latency, it takes many
episodes to tell, so that no run of a single one can."""
MOST_KINDS = 100
"""Kinds of episodes that are told apart; further ones share one."""


class Spells:
    """Tells which kind of episode shows something `often` among so many `recent` ones."""

    def __init__(self, *, often: int, recent: int) -> None:
        self._often = often
        self._latest = recent
        self._recent: dict[str, deque[bool]] = {}

    def is_one(self, kind: str, *, shown: bool) -> bool:
        """Note an episode; return whether it shows the thing, as most of the recent ones did."""
        recent = self._of(kind)
        recent.append(shown)
        return shown and sum(recent) >= self._often

    def _of(self, kind: str) -> deque[bool]:
        if kind not in self._recent and len(self._recent) >= MOST_KINDS:
            kind = ""
        return self._recent.setdefault(kind, deque(maxlen=self._latest))
