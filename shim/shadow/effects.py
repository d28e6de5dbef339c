"""A side effect written down as data: who would get what, and when."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a side did, or would have done, to the outside.

    `recipient` names who gets it, `payload` is whatever the binding understands, `at`
    is in seconds on the clock that the episode runs on. Effects are kept in the order
    in which they happened.
    """

    kind: str
    side: str
    recipient: str
    payload: object
    at: float
