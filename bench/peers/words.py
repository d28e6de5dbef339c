"""What every Python peer says alike: the balance frame and the state of the process."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

SOURCES = ["farming"]


def text(message: dict[str, object]) -> str:
    """Return JSON without blanks, as every peer sends it."""
    return json.dumps(message, separators=(",", ":"))


@dataclass(slots=True)
class Account:
    """A user's balance: UNI counts the bookings, TON is the monotonic time of the newest.

    `pad` makes its messages longer.
    """

    user_id: int
    version: int = 0
    at: float = 0.0
    pad: str = ""

    def book(self) -> None:
        """Book one UNI, now."""
        self.version += 1
        self.at = time.monotonic()

    def message(self) -> dict[str, object]:
        """Return what a browser is to be told."""
        return {
            "type": "balance_update",
            "userId": self.user_id,
            "balanceData": {
                "balanceUni": self.version,
                "balanceTon": self.at,
                "changes": {"uni": 1, "ton": 0},
                "sources": SOURCES,
                "timestamp": "2026-01-01T00:00:00.000Z",
            },
            "version": self.version,
            "since": self.version - 1,
            "pad": self.pad,
        }


def state() -> dict[str, int]:
    """Return the resident memory in bytes and the threads of this process."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "pid": os.getpid(),
        "rss": int(fields["VmRSS"].split()[0]) * 1024,
        "threads": int(fields["Threads"]),
        "cpu_us": time.process_time_ns() // 1000,
    }
