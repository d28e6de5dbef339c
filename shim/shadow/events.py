"""What the caller's thread hands over: a call as it is made, an effect as it happens.

Plain slotted classes, not frozen dataclasses: building one is on the caller's path, and
`object.__setattr__` per field would cost more than all the rest of the snapshot.
"""


class LiveCall:
    """One call, noted before the live side runs and completed in place after it.

    `argument` is a frozen value kept by reference. `serving` names the side in charge;
    `context` is the binding's snapshot of what a shadow must see as it was; `decision`
    is what the log line carries. Seconds are on the process's monotonic clock.
    """

    __slots__ = (
        "argument",
        "caller",
        "context",
        "decision",
        "error",
        "finished",
        "path",
        "serving",
        "started",
        "subject",
        "value",
    )

    def __init__(
        self,
        started: float,
        path: str,
        subject: int,
        argument: object,
        serving: str,
        decision: object,
        context: object,
        caller: object,
    ) -> None:
        self.started = started
        self.path = path
        self.subject = subject
        self.argument = argument
        self.serving = serving
        self.decision = decision
        self.context = context
        self.caller = caller
        self.value: object = None
        self.error: BaseException | None = None
        self.finished: float | None = None


class LiveEffect:
    """One effect of a live side, noted as it happens.

    `context` is the binding's note of what the recipient had been given before.
    """

    __slots__ = ("at", "context", "payload", "recipient", "side", "subject")

    def __init__(
        self,
        at: float,
        side: str,
        subject: int,
        recipient: str,
        payload: object,
        context: object,
    ) -> None:
        self.at = at
        self.side = side
        self.subject = subject
        self.recipient = recipient
        self.payload = payload
        self.context = context


Event = LiveCall | LiveEffect
