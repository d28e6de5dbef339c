"""How much a browser may say, how slowly it may read, and how long it may be silent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of every socket; times in seconds."""

    message_bytes: int = 64 * 1024
    """A larger message closes the socket, code 1009."""
    ping_s: float = 30.0
    """A browser that was silent for so long is pinged,"""
    silence_s: float = 120.0
    """and one that stays silent for so long is ended without a close, which pages see as 1006."""
    stall_s: float = 10.0
    """A browser that reads nothing for so long while a frame waits is cut off, code 1013."""
    linger_s: float = 1.0
    """How long a closed socket waits for the browser to have read the close."""
    leave_s: float = 2.0
    """How long all browsers together are waited for when the worker leaves."""

    distance_s: float = 0.0
    """What balance frames of a connection keep between them, and"""
    spread_s: float = 0.0
    """how long those of a bulk wait for their turn: see `app.notifications.doorbell`."""

    @property
    def press_s(self) -> float:
        """How often to look whether a socket reached a bound that reads slowly, or ends."""
        return min(self.stall_s, self.linger_s) / 4

    @property
    def sweep_s(self) -> float:
        """How often to look whether any other did: there are many, and nearly all are idle."""
        return min(self.ping_s, self.silence_s) / 8
