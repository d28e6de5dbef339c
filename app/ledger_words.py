"""What the ledger and the known divergences say, in words and in JSON."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from app.known_words import active, entry_words, known_json
from app.parts import Parts
from app.report_text import activity_words
from shim.known_store import KnownStoreError
from shim.report_time import Begins, JudgedTime
from shim.shadow.activity import MARK, by_activity
from shim.shadow.counts import EVERYBODY, Cell
from shim.shadow.ledger_store import Group, LedgerError, LedgerView

_COMPARED = ("matched", "known", "mismatched")


def judged(
    view: LedgerView, *, since: datetime | None = None, whole: bool = False
) -> tuple[LedgerView, JudgedTime]:
    """Return the sums of the time that is judged, and which that is: as the reports have it."""
    if whole:
        return view.since(), JudgedTime()
    begin = view.last_resume if since is None else view.in_force_at(since)
    if begin is None or (since is None and begin.number == 0):
        return view.since(), JudgedTime()
    begins = Begins.RESUME if since is None else Begins.MOMENT
    return view.since(begin), JudgedTime(begins, begin.number, begin.begun)


def evidence_json(parts: Parts) -> dict[str, Any]:
    """Return what was compared by all workers, and what is known, for the status.

    Neither a ledger nor a file that cannot be read fails it: `problem` says so.
    """
    hits, ledger = None, {}
    try:
        view, time = judged(parts.ledger.read())
        hits = view.hits()
        ledger = {"problem": None, "judged": str(time), "everybody": _of(view, EVERYBODY)}
        ledger["new"] = [
            group_json(group) for group in view.groups if not (group.known or group.is_noise)
        ]
    except LedgerError as error:
        ledger = {"problem": str(error)}
    try:
        found, problem = active(parts.known.read()), None
    except KnownStoreError as error:
        found, problem = active(parts.known.known), str(error)
    known = [known_json(each, None if hits is None else hits.get(each.id, 0)) for each in found]
    return {
        "known": known,
        "known_problem": problem,
        "ledger": ledger,
    }


def evidence_lines(status: dict[str, Any]) -> list[str]:
    """Return the same for a person."""
    lines = []
    for entry in status["known"]:
        met = "" if entry["hits"] is None else f", met {entry['hits']} times"
        lines.append(f"known      {entry_words(entry)}{met}")
    if status["known_problem"]:
        lines.append(f"problem    {status['known_problem']}")
    ledger = status["ledger"]
    if ledger["problem"]:
        return [*lines, f"problem    {ledger['problem']}"]
    sides = [_side_words(side) for side in ledger["everybody"]] or ["nothing so far"]
    lines.append(f"judged     {ledger['judged']}")
    lines += [f"compared   {side}" for side in sides]
    lines += [f"diverged   {group_words(group)}" for group in ledger["new"][:5]]
    return lines


def ledger_json(view: LedgerView, time: JudgedTime) -> dict[str, Any]:
    """Return the ledger of a time: counters per caller and side, and every group."""
    named = {cell.caller for cell in view.counters} - {EVERYBODY}
    callers = sorted(name for name in named if not name.startswith(MARK))
    activity = by_activity(view.counters)
    return {
        "judged": str(time),
        "everybody": _of(view, EVERYBODY),
        "callers": {caller: _of(view, caller) for caller in callers},
        "activity": activity,
        "groups": [group_json(group) for group in view.groups],
    }


def ledger_lines(told: dict[str, Any]) -> list[str]:
    """Return the same for a person; samples are for programs."""
    sides = [_side_words(side) for side in told["everybody"]] or ["nothing was counted so far"]
    lines = [f"judged: {told['judged']}", *sides]
    for caller, sides in told["callers"].items():
        lines += [f"{caller}: {_side_words(side)}" for side in sides]
    lines += [activity_words(name, sums) for name, sums in told["activity"].items()]
    if told["groups"]:
        lines += ["", "divergences, most frequent first:"]
    return lines + [f"  {group_words(group)}" for group in told["groups"]]


def group_json(group: Group) -> dict[str, Any]:
    """Return one group in JSON's types; its samples are text that holds JSON."""
    return {
        "fingerprint": group.fingerprint,
        "comparison": group.comparison,
        "known": group.known or None,
        "count": group.count,
        "first_seen": group.first_seen.isoformat(timespec="seconds"),
        "last_seen": group.last_seen.isoformat(timespec="seconds"),
        "differences": list(group.differences),
        "callers": dict(group.callers),
        "samples": list(group.samples),
    }


def group_words(group: dict[str, Any]) -> str:
    """Return one group in one line."""
    known = f" known as {group['known']}" if group["known"] else ""
    callers = ", ".join(f"{caller} {n}" for caller, n in sorted(group["callers"].items()))
    places = ", ".join(group["differences"]) or "of many kinds"
    return (
        f"{group['fingerprint']} {group['count']:>6} x {group['comparison']}{known},"
        f" {group['first_seen']} to {group['last_seen']}: {places} (by {callers})"
    )


def _of(view: LedgerView, caller: str) -> list[dict[str, Any]]:
    """Return a caller's numbers, one entry for each side that served."""
    sides: dict[str, dict[Cell, int]] = defaultdict(dict)
    for cell, count in view.counters.items():
        if cell.caller == caller:
            sides[cell.side][cell] = count
    return [_numbers(side, cells) for side, cells in sorted(sides.items())]


def _numbers(side: str, cells: dict[Cell, int]) -> dict[str, Any]:
    told: dict[str, Any] = {"side": side, "sampled": 0, "dropped": {}}
    comparisons: dict[str, dict[str, Any]] = {}
    for cell, count in cells.items():
        what, _, reason = cell.what.partition(":")
        into = told
        if cell.comparison:
            empty = {"compared": 0, "matched": 0, "known": 0, "diverged": 0, "not_compared": {}}
            into = comparisons.setdefault(cell.comparison, empty)
        if reason:
            into.setdefault(what, {})[reason] = count
        else:
            into["diverged" if what == "mismatched" else what] = count
        if what in _COMPARED:
            into["compared"] += count
    return {**told, "comparisons": comparisons}


def _side_words(side: dict[str, Any]) -> str:
    dropped = _pairs(side["dropped"]) or "none"
    comparisons = "; ".join(
        f"{name} {numbers['compared']} compared, {numbers['matched']} matched,"
        f" {numbers['known']} known, {numbers['diverged']} diverged, not compared"
        f" {_pairs(numbers['not_compared']) or 'none'}"
        for name, numbers in sorted(side["comparisons"].items())
    )
    routed = f"{side['routed']} calls routed, " if "routed" in side else ""
    return (
        f"served by {side['side']}: {routed}{side['sampled']} calls sampled,"
        f" dropped {dropped}; {comparisons or 'nothing compared'}"
    )


def _pairs(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
