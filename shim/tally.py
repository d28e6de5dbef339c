"""Calls by who served them: added to on callers' threads, so nothing but slots."""


class Tally:
    """Calls by who served them, of one path. CPython adds to a slot without switching threads."""

    __slots__ = ("canonical", "invalid", "legacy", "sampled")

    def __init__(self) -> None:
        self.canonical = 0
        self.legacy = 0
        self.invalid = 0
        self.sampled = 0
        """Calls of either side that shadows are shown."""

    def snapshot(self) -> dict[str, int]:
        """Return plain data."""
        return {
            "legacy": self.legacy,
            "canonical": self.canonical,
            "invalid_user_id": self.invalid,
        }


class CallerTally:
    """Calls by who served them, of one caller, that were not sampled though others are."""

    __slots__ = ("caller", "canonical", "legacy")

    def __init__(self, caller: object) -> None:
        self.caller = caller
        self.canonical = 0
        self.legacy = 0
