"""What the caller's thread hands over: a call as it is made, an effect as it happens.

Structs, which are built in C: building one is on the caller's path, and a class of our own
takes twice as long, a frozen dataclass five times.
"""

from msgspec import Struct


class LiveCall(Struct, eq=False):
    """One call, noted before the live side runs and completed in place after it.

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
