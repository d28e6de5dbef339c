"""Whether legacy was wrong where *saying* differs: by the log and the database alone.

A difference counts as legacy's own fault only if the canonical said what the database holds
at its version, and legacy something that the database did not hold any more when it was
asked. Everything else is a false divergence.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.kit.pages import Booking

_MILLIONTH = Decimal("0.000001")


def divergences(logs: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Return the lines of divergences that nothing excuses."""
    for log in logs:
        for line in log.open():
            record = json.loads(line, parse_float=Decimal)
            if record["event"] == "divergence" and record["outcome"] == "mismatched":
                yield record


def is_legacys_fault(record: Mapping[str, Any], bookings: Sequence[Booking]) -> bool:
    """Tell whether legacy was wrong and the canonical right; False where it cannot be shown."""
    frames = _messages(record, "canonical")
    said = _messages(record, "counterfactual_legacy")
    if record["comparison"] != "saying" or not frames or not said:
        return False
    first, last = frames[0], frames[-1]
    now = bookings[last["version"] - 1]
    if (_money(last["uni"]), _money(last["ton"])) != (now.uni, now.ton):
        return False
    legacy = _balance(said[-1])
    if legacy != (now.uni, now.ton):
        return _was_stale(record, legacy, bookings)
    covered = bookings[first["since"] : last["version"]]
    return _changes(said) != (_sum(covered, "UNI"), _sum(covered, "TON"))


def _was_stale(
    record: Mapping[str, Any], legacy: tuple[Decimal, Decimal], bookings: Sequence[Booking]
) -> bool:
    """Tell whether the database had gone past this balance before legacy spoke of it."""
    placed = [each.version for each in bookings if (each.uni, each.ton) == legacy]
    if not placed:
        return True  # a balance that nobody ever had
    if placed[-1] == len(bookings):
        return False
    overtaken_at = bookings[placed[-1]].at
    return overtaken_at < _unix(record["at"]) - float(record["seconds"]) or len(record["calls"]) > 1


def _messages(record: Mapping[str, Any], side: str) -> list[dict[str, Any]]:
    """Return what a side said, live or as a shadow, to the page that heard it first."""
    effects = [
        effect
        for run in record["observations"]
        for effect in run["effects"]
        if effect["side"].startswith(side) and effect["to"].startswith("connection")
    ]
    return [each["message"] for each in effects if each["to"] == effects[0]["to"]]


def _balance(message: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    data = message.get("balanceData") or message["data"]
    names = ("balanceUni", "balanceTon") if "balanceUni" in data else ("balance_uni", "balance_ton")
    return _money(data[names[0]]), _money(data[names[1]])


def _changes(said: Iterable[Mapping[str, Any]]) -> tuple[Decimal, Decimal]:
    changes = [each["balanceData"]["changes"] for each in said if "balanceData" in each]
    return (
        sum((_money(change["uni"]) for change in changes), Decimal(0)),
        sum((_money(change["ton"]) for change in changes), Decimal(0)),
    )


def _sum(bookings: Iterable[Booking], currency: str) -> Decimal:
    return sum((each.amount for each in bookings if each.currency == currency), Decimal(0))


def _money(value: object) -> Decimal:
    return Decimal(str(value)).quantize(_MILLIONTH)


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
