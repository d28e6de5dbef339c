"""Changes made in Unleash itself, and how long each takes to the last worker."""

import json
import random
import time
from collections.abc import Sequence
from typing import Any

from app.adapters.unleash_api import HttpUnleashApi
from bench.kit import budget
from bench.kit.spread import Spread, last_to_apply, records
from flags.decision import CANONICAL_FLAG
from flags.workers import WorkerRecord
from scripts.hosts import Host
from scripts.unleash_server import UnleashServer

HOOK_S, AGAIN_S = 90.0, 3.0
"""Seconds in which Unleash must have found its webhook, and after which it is turned again."""


def changes(
    hosts: Sequence[Host], server: UnleashServer, times: int, *, within: float | None
) -> Spread:
    """Turn the canonical's percentage in Unleash, and measure from the moment it is asked to.

    From 0 to 1 and back: nothing that a worker would hold back. After a pause of up to a
    second: one change right after another would always meet the server's tick alike.
    """
    spread, pauses = Spread(), random.Random(1)
    for number in budget.rounds(times, within=within):
        time.sleep(pauses.random())
        before = max(record.revision for record in records(hosts))
        began = _turn(server.api, (number + 1) % 2)

        def applied(record: WorkerRecord, before: int = before) -> float | None:
            return record.revision_applied_at if record.revision > before else None

        spread.note([(began, last_to_apply(hosts, applied))])
    return spread


def wait_for_hook(host: Host, server: UnleashServer) -> None:
    """Turn the percentage to and fro until Unleash has sent the host an event; it ends at 0 %.

    Raises TimeoutError if none comes within a minute and a half.
    """
    hint, end = host.settings.flag_hint_file, time.monotonic() + HOOK_S
    while time.monotonic() < end:
        _turn(server.api, 1)
        _turn(server.api, 0)
        newest = server.api.newest_event(CANONICAL_FLAG)
        until = time.monotonic() + AGAIN_S
        while time.monotonic() < until:
            if hint.exists() and json.loads(hint.read_text())["revision"] >= newest:
                return
            time.sleep(0.02)
    raise TimeoutError(f"Unleash sent {host.url} no event within {HOOK_S:g} s")


def _turn(api: HttpUnleashApi, percentage: int) -> float:
    """Turn the percentage; return when it was asked for, in unix seconds."""
    there = api.flag(CANONICAL_FLAG)
    assert there is not None
    began = time.time()
    for strategy in there.strategies:
        if "rollout" in strategy["parameters"]:
            parameters: dict[str, Any] = {**strategy["parameters"], "rollout": str(percentage)}
            api.replace_strategy(
                CANONICAL_FLAG, strategy["id"], {**strategy, "parameters": parameters}
            )
    return began
