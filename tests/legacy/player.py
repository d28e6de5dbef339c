"""Plays recorded scenarios step by step against the legacy services.

A step with `nowait` is followed by the next one in the same tick of the event loop: what it
asked the balance manager is answered only after the last step of the tick.
"""

import json

from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.javascript import UNDEFINED
from shim.legacy.updates import BalanceUpdate
from shim.legacy.user_id_only import UserIdOnlyService
from shim.shadow.clock import VirtualClock
from tests.legacy.doubles import (
    BalanceDouble,
    ManagerDouble,
    RealManagerDouble,
    SlowReads,
    SocketDouble,
)

# A thousandth of a step's smallest unit more, so that sums of binary fractions
# do not fall short of a timer's due time.
SLACK_S = 1e-6


class UnknownStepError(Exception):
    """A recording asks for something that the player does not know."""


def without_timestamps(value):
    """Return a decoded JSON value without any member called timestamp."""
    if isinstance(value, dict):
        return {k: without_timestamps(v) for k, v in value.items() if k != "timestamp"}
    if isinstance(value, list):
        return [without_timestamps(item) for item in value]
    return value


def update_from(recorded):
    """Return the update that a recorded call carried."""
    return BalanceUpdate(
        user_id=recorded.get("userId", UNDEFINED),
        balance_uni=recorded.get("balanceUni", UNDEFINED),
        balance_ton=recorded.get("balanceTon", UNDEFINED),
        change_amount=recorded.get("changeAmount", UNDEFINED),
        currency=recorded.get("currency", UNDEFINED),
        source=recorded.get("source", UNDEFINED),
        timestamp=recorded.get("timestamp", UNDEFINED),
    )


def manager_of(scenario):
    """Return the manager that a scenario was recorded with: production's own if it says so."""
    is_real = scenario["name"].startswith("real_manager")
    return RealManagerDouble() if is_real else ManagerDouble()


class Player:
    """One scenario's service, clock, connections and log."""

    def __init__(self, service, *, manager=None):
        self.clock = VirtualClock()
        self.manager = manager or ManagerDouble()
        self.reads = SlowReads(self.manager)
        self.sockets = {}
        self.log = []
        if service == "connection_aware":
            self.service = ConnectionAwareService(clock=self.clock)
        elif service == "user_id_only":
            self.service = UserIdOnlyService(balance_manager=self.reads, clock=self.clock)
        else:
            raise UnknownStepError(
                f"unknown service {service!r}: a scenario plays connection_aware or user_id_only"
            )

    def play(self, step):
        """Do one step; return what left because of it, and the counts if it asked for them."""
        self.log.clear()
        verb = getattr(self, f"do_{step['do']}", None)
        if verb is None:
            known = sorted(name[3:] for name in dir(self) if name.startswith("do_"))
            raise UnknownStepError(
                f"unknown step {step['do']!r}: the player knows {', '.join(known)}"
            )
        stats = verb(step)
        if not step.get("nowait"):
            self.reads.end_tick()
        sent = [
            {"connection": name, "message": without_timestamps(json.loads(text))}
            for name, text in self.log
        ]
        return sent, stats

    def socket(self, step):
        name = step["connection"]
        return self.sockets.setdefault(name, SocketDouble(name, self.log))

    def do_register(self, step):
        self.service.register_connection(self.user(step), self.socket(step))

    def do_add(self, step):
        self.service.add_connection(self.user(step), self.socket(step))

    def do_remove(self, step):
        self.service.remove_connection(self.user(step), self.socket(step))

    def do_close(self, step):
        self.socket(step).is_open = False

    def do_break(self, step):
        self.socket(step).broken = True

    def do_balance(self, step):
        uni, ton = step.get("uni", UNDEFINED), step.get("ton", UNDEFINED)
        self.manager.set_balance(self.user(step), BalanceDouble(uni=uni, ton=ton))

    def do_notify(self, step):
        argument = update_from(step["update"]) if "update" in step else self.user(step)
        self.reads.begin(lambda: self.service.notify_balance_update(argument))

    def do_hook(self, step):
        self.reads.begin(lambda: self.manager.on_balance_update(self.user(step)))

    def do_custom(self, step):
        data = step.get("data", UNDEFINED)
        self.service.send_custom_message(self.user(step), step.get("type", UNDEFINED), data)

    def user(self, step):
        return step.get("user", UNDEFINED)

    def do_advance(self, step):
        self.clock.advance(step["ms"] / 1000 + SLACK_S)

    def do_flush(self, step):
        self.service.flush_pending_updates()

    def do_stats(self, step):
        return self.service.get_connection_stats()
