"""What is measured of one peer in one sitting: a fresh server, a fresh client process."""

import threading
import time
import urllib.error
from contextlib import suppress
from dataclasses import dataclass

from bench.kit.processes import Clients, Peer

STALLED_PAD = 8_192
"""Bytes that make a frame long enough to fill the way to a browser that does not read."""
OURS = "ours"
OFFERED = 0.75
"""The part of what ours can accept that it is offered when the age of balances is measured."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. Times in seconds."""

    repeats: int
    few: int
    many: int
    pushes: int
    update_s: float
    offered_s: float
    settling_rounds: int
    paced_rounds: int
    shaken: int
    few_within: float | None = None
    """Seconds of all rounds with few browsers,"""
    many_within: float | None = None
    """and of those with many."""


FULL = Size(
    repeats=5,
    few=1_000,
    many=10_000,
    pushes=100_000,
    update_s=4.0,
    offered_s=30.0,
    settling_rounds=20,
    paced_rounds=50,
    shaken=1_000_000,
)
NORMAL = Size(
    repeats=5,
    few=1_000,
    many=10_000,
    pushes=60_000,
    update_s=2.0,
    offered_s=12.0,
    settling_rounds=15,
    paced_rounds=25,
    shaken=200_000,
    few_within=110.0,
    many_within=70.0,
)
QUICK = Size(
    repeats=1,
    few=40,
    many=80,
    pushes=800,
    update_s=0.3,
    offered_s=0.3,
    settling_rounds=2,
    paced_rounds=5,
    shaken=3_200,
)

Figures = dict[str, float]


def few(peer: Peer, clients: Clients, size: Size) -> Figures:
    """Everything that is measured with few browsers; those who stall come last."""
    figures = {
        **idle(peer, clients, size.few),
        **push(peer, clients, browsers=size.few, pushes=size.pushes, ahead=1, name="one"),
        **push(peer, clients, browsers=size.few, pushes=size.pushes, ahead=4, name="four"),
        **update(peer, clients, size),
    }
    if peer.name == OURS:
        figures |= offered(peer, clients, size, rate=OFFERED * figures["accepted"])
    figures |= come_back(clients, size.few)
    healthy = pace(peer, clients, size)
    clients.ask(f"stall {size.few // 10}")
    return {**figures, "p99 healthy": healthy, "p99 stalled": pace(peer, clients, size)}


def many(peer: Peer, clients: Clients, size: Size) -> Figures:
    """Memory, threads, pushes and a storm of reconnects, with many browsers."""
    return {
        **idle(peer, clients, size.many),
        **push(peer, clients, browsers=size.many, pushes=size.pushes, ahead=1, name="one"),
        **push(peer, clients, browsers=size.many, pushes=size.pushes, ahead=4, name="four"),
        **come_back(clients, size.many),
    }


def idle(peer: Peer, clients: Clients, browsers: int) -> Figures:
    """Connect; the memory that each takes, and all threads."""
    before = peer.order("state")["rss"]
    connect(clients, browsers)
    state = peer.order("state")
    return {"bytes": (state["rss"] - before) / browsers, "threads": state["threads"]}


def come_back(clients: Clients, browsers: int) -> Figures:
    """Let all leave at once and come back; the seconds until all are subscribed."""
    clients.ask("close")
    return {"reconnect s": connect(clients, browsers)}


def shaken(peer: Peer, clients: Clients, size: Size) -> Figures:
    """Frames that arrive corrupt or not at all, of what 8 threads send to the same sockets."""
    connect(clients, size.few)
    rounds = max(size.shaken // 8 // size.few, 1)
    sent = 8 * rounds * size.few
    with suppress(urllib.error.URLError, OSError):  # what arrived says how far it came
        peer.order("shake", timeout=60, rounds=rounds, senders=8)
    clients.ask("quiet 500")
    arrived, corrupt, *_ = clients.ask("report")
    return {"corrupt": corrupt, "lost": sent - arrived, "sent": sent}


def connect(clients: Clients, browsers: int) -> float:
    """Open so many; return the seconds until all are subscribed. Their greetings are let go."""
    (seconds,) = clients.ask(f"open {browsers}")
    clients.ask("quiet 300")
    clients.ask("reset")
    return seconds


def push(
    peer: Peer, clients: Clients, *, browsers: int, pushes: int, ahead: int, name: str
) -> Figures:
    """Push as fast as it goes; each counts when it has arrived."""
    rounds = max(pushes // browsers, 1)
    clients.ask("reset")
    cpu, begun = peer.order("state")["cpu_us"], time.monotonic()
    pushing = threading.Thread(
        target=peer.order, args=("push",), kwargs={"rounds": rounds, "ahead": ahead}
    )
    pushing.start()
    (ended,) = clients.ask(f"expect {rounds * browsers}")
    pushing.join()
    used = (peer.order("state")["cpu_us"] - cpu) / 1e6
    return {
        f"pushes per core {name}": rounds * browsers / used,
        f"pushes {name}": rounds * browsers / (ended - begun),
    }


def update(peer: Peer, clients: Clients, size: Size) -> Figures:
    """Book and notify as fast as it goes, until every browser shows the last balance."""
    return _booked(peer, clients, size, seconds=size.update_s)


def offered(peer: Peer, clients: Clients, size: Size, *, rate: float) -> Figures:
    """Book and notify so often a second, until every browser shows the last balance."""
    figures = _booked(peer, clients, size, seconds=size.offered_s, rate=rate)
    return {f"{name} offered": figure for name, figure in figures.items()}


def _booked(
    peer: Peer, clients: Clients, size: Size, *, seconds: float, **numbers: float
) -> Figures:
    clients.ask("reset")
    begun = time.monotonic()
    done = peer.order("update", seconds=seconds, **numbers)
    (ended,) = clients.ask("quiet 1000")
    (right,) = clients.ask(f"final {done['final']}")
    _, _, p50, p99 = clients.ask("report")
    return {
        "accepted": done["accepted"] / (max(ended, begun + seconds) - begun),
        "wrong": size.few - right,
        "p50": p50,
        "p99": p99,
    }


def pace(peer: Peer, clients: Clients, size: Size) -> float:
    """Return the p99 in ms of long frames, ten rounds a second, from when it has settled.

    Before that buffers grow, and a browser that does not read holds nobody up, for the kernels
    still take what is sent to it. If it holds the others up, it is the time that was waited.
    """
    for rounds in (size.settling_rounds, size.paced_rounds):
        clients.ask("reset")
        patience = 2 * rounds / 10 + 3
        try:
            peer.order("pace", timeout=patience, rounds=rounds, hz=10, pad=STALLED_PAD)
        except (urllib.error.URLError, OSError):
            return patience * 1e3
        clients.ask("quiet 300")
    return clients.ask("report")[3]
