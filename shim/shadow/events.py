"""What the caller's thread hands over: a call as it is made, an effect as it happens.

A call is noted in a list, which the interpreter builds by itself: that is on the caller's path,
where a struct takes half as long again, and twice as long when caches are cold. Whoever takes
the call up makes a `LiveCall` of it.
"""

from typing import Any

from msgspec import Struct

Note = list[Any]
"""What a `LiveCall` is made of, as the caller writes it down: its fields, in order."""
VALUE, ERROR, FINISHED = 8, 9, 10
"""The places in a note that are filled in once the live side is done, the last one last."""


class LiveCall(Struct, eq=False):
    """One call, noted before the live side runs; what came of it is in `note` once it is over.

    `argument` is a frozen value kept by reference. `serving` names the side in charge;
    `decision` is what the log line carries; `context` is how many changes the binding's journal
    had, and from when the call is taken up the snapshot of what a shadow must see as it was.
    Seconds are on the process's monotonic clock.
    """

    started: float
    path: str
    subject: int
    argument: object
    serving: str
    decision: object
    context: object
    caller: object
    value: object = None
    error: BaseException | None = None
    finished: float | None = None
    note: Note | None = None

    @classmethod
    def of(cls, note: Note) -> "LiveCall":
        """Return the call that was noted."""
        call = cls(*note)
        call.note = note
        return call

    def is_over(self) -> bool:
        """Whether the live side has returned or raised; from then on this says which and when."""
        if self.finished is None and self.note is not None:
            self.value, self.error, self.finished = self.note[VALUE:]
        return self.finished is not None


class LiveEffect(Struct, eq=False):
    """One effect of a live side, noted as it happens.

    `context` is the binding's note of what the recipient had been given before.
    """

    at: float
    side: str
    subject: int
    recipient: str
    payload: object
    context: object


Event = LiveCall | LiveEffect
