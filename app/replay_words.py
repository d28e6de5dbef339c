"""What a replay found, in words and in JSON."""

import json
import textwrap
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from app.replayers import replayers
from app.replaying import Run, Runs
from shim.lines import difference_records
from shim.log_records import DifferenceRecord, ObservationRecord
from shim.replay.case import Case, Source
from shim.replay.finding import Finding
from shim.shadow.publisher import ENCODER
from shim.shadow.result import Comparison, Result
from shim.sides import Side

WIDTH = 56
"""Columns of each of the two sides."""
EXIT_CODES = {
    Finding.NO_LONGER_DIVERGES: 0,
    Finding.STILL_DIVERGES: 1,
    Finding.DIVERGES_OTHERWISE: 3,
    Finding.NOT_COMPARED: 4,
    Finding.NOT_SHOWN: 4,
    Finding.NOT_DECIDABLE: 4,
}
_CANONICAL = {Side.CANONICAL, Side.CANONICAL_SHADOW}


def exit_code(runs: Runs) -> int:
    """Return what the command exits with."""
    return EXIT_CODES[runs.shown.replayed.finding]


def replay_json(runs: Runs) -> dict[str, Any]:
    """Return everything about the case that is shown, and how all of them ended."""
    run = runs.shown
    case, found = run.case, run.replayed
    told = {
        "migration": case.migration,
        "finding": found.finding,
        "findings": runs.findings,
        "fingerprint": case.fingerprint,
        "comparison": case.comparison,
        "known": case.known,
        "source": case.source,
        "recorded_at": case.recorded_at,
        "user": case.user,
        "stand_in": case.stand_in,
        "serving": case.serving,
        "control": case.control,
        "candidate": case.candidate,
        "lacks": found.lacks,
        "differed": case.differences,
        "comparisons": {name: _result(result) for name, result in found.results.items()},
        "observations": _observations(run),
    }
    plain: dict[str, Any] = json.loads(ENCODER.encode(told))
    return plain


def replay_lines(runs: Runs) -> Iterator[str]:
    """Yield the same for a person, both sides beside each other."""
    run = runs.shown
    case, found = run.case, run.replayed
    count = ", ".join(f"{n} {finding}" for finding, n in sorted(runs.findings.items()))
    known = f", known as {case.known}" if case.known else ""
    yield f"{found.finding}: {case.comparison} {case.fingerprint}{known} ({count})"
    yield f"recorded {case.recorded_at.isoformat(timespec='seconds')}, {_whose(case)}"
    yield f"control {case.control}, candidate {case.candidate}; as the code is now:"
    for call in case.calls:
        yield f"  call after {call.started:.3f} s by {call.path}, from {call.caller}"
    yield from (f"  not in the case: {what}" for what in found.lacks)
    yield ""
    for name in Comparison:
        yield f"{name:<7}{_result_words(found.results[name])}"
    yield ""
    yield from _differences("it differed in", case.differences)
    now = found.results[case.comparison].differences
    yield from _differences("it differs in", difference_records(now, _as_it_is))
    yield ""
    yield from _beside(*_columns(run))


def _whose(case: Case) -> str:
    if case.source is Source.LOG:
        return "made from a line of the log, with a stand-in for its user"
    return "of a stand-in for its user" if case.stand_in else f"of user {case.user}"


def _result(result: Result) -> dict[str, object]:
    return {
        "outcome": result.outcome,
        "reason": result.reason,
        "fingerprint": result.fingerprint,
        "known": result.known,
        "differences": difference_records(result.differences, _as_it_is),
    }


def _result_words(result: Result) -> str:
    return " ".join(filter(None, (result.outcome, result.reason, result.fingerprint)))


def _differences(head: str, found: Iterable[DifferenceRecord]) -> Iterator[str]:
    for each in found:
        expected, actual = _text(each.expected), _text(each.actual)
        yield f"{head} {each.path} {each.kind}: {expected} is {actual}"


def _observations(run: Run) -> list[ObservationRecord]:
    replayer = replayers()[run.case.migration]
    return replayer.observations(run.replayed.episode, _as_it_is)


def _columns(run: Run) -> tuple[list[str], list[str]]:
    """Return what is compared: what was to be expected, and what the canonical did."""
    replayer = replayers()[run.case.migration]
    observed = _observations(run)
    canonical = list(_did(each for each in observed if each.side in _CANONICAL))
    expects = replayer.expects(run.case.comparison)
    if not expects:
        return ["the database", *replayer.held(run.case)], canonical
    return list(_did(each for each in observed if each.side in expects)), canonical


def _did(observations: Iterable[ObservationRecord]) -> Iterator[str]:
    for run in observations:
        yield run.side
        for call in run.calls:
            if call.raised:
                yield f"raised {call.raised}"
            elif call.value:
                yield f"returned {call.value}"
        for effect in run.effects:
            said = f"names {effect.published}" if effect.to == "bus" else _text(effect.message)
            yield f"{effect.to}: {said}"
        if not run.effects and not any(call.value for call in run.calls):
            yield "sent nothing"


def _as_it_is(user_id: int) -> int:
    return user_id


def _text(value: object) -> str:
    return ENCODER.encode(value).decode()


def _beside(left: Iterable[str], right: Iterable[str]) -> Iterator[str]:
    columns = [
        [part for line in column for part in textwrap.wrap(line, WIDTH, subsequent_indent="  ")]
        for column in (left, right)
    ]
    for one, other in zip_longest(*columns, fillvalue=""):
        yield f"{one:<{WIDTH}} | {other}".rstrip()
