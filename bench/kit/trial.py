"""One candidate at a time, in a process of its own: `python -m bench.kit.trial TRIAL RESULT`.

As a shadow, until it is flagged or enough was compared; or live, as if everybody had been moved
to it, with what browsers were shown held against the database. Both arguments are files of JSON.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bench.kit.mutants import take_in

SETTLING_S = 4.0
DEADLINE_MS, PATIENT_MS = 5_000, 20_000
"""When a shadow is given up. Later than by the default, for a machine that has other things to do;
what is flagged all the same is flagged sooner by the default."""

LEAST = 1_000
"""Comparisons after which it can be said how many of them are left out."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is played: `file` of the mutant, over a copy of the town in `template`.

    As a shadow until `comparisons` were made, live until `bookings` were; `seconds` at most. A
    flagged one is not played on with once `LEAST` were made or left out, unless it is `patient`.
    If `contended` and `hard`, another process books meanwhile. See `Traffic` for the rest.
    """

    file: str | None
    template: str
    seconds: float
    live: bool = False
    comparisons: int = 0
    bookings: int = 0
    patient: bool = False
    contended: bool = False
    hard: bool = False
    seed: int = 1


@dataclass(slots=True)
class ShadowRun:
    """What the shadows found. `flagged_by` is empty if every verdict is a pass.

    `to_flag` is how many comparisons had been made when the first difference was seen, None
    if there was none; `by` names the comparisons that had one at that moment. `diverged` counts
    by comparison; of those `legacys_fault` were shown to be just that. `served` counts frames of
    the canonical that reached a page.
    """

    flagged_by: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    to_flag: int | None = None
    by: list[str] = field(default_factory=list)
    seconds: float = 0.0
    episodes: int = 0
    compared: int = 0
    not_compared: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    diverged: dict[str, int] = field(default_factory=dict)
    legacys_fault: int = 0
    served: int = 0


@dataclass(slots=True)
class LiveRun:
    """What browsers were shown that is not so, by kind, and how many frames there were."""

    problems: dict[str, int] = field(default_factory=dict)
    frames: int = 0


def run(trial: Trial) -> dict[str, Any]:
    """Play one trial in this process."""
    canonical = take_in(None if trial.file is None else Path(trial.file))
    # Only now: a mutant may stand in for one of the application's own modules.
    from bench.kit.town import Town
    from bench.kit.traffic import Traffic

    with tempfile.TemporaryDirectory(prefix="power-") as folder:
        town = Town(
            Path(folder),
            Path(trial.template),
            canonical=canonical,
            recording=trial.live,
            first_lines=1_000_000 if trial.contended else 10,
            deadline_ms=PATIENT_MS if trial.patient else DEADLINE_MS,
        )
        traffic = Traffic(
            town,
            seed=trial.seed,
            contended=trial.contended,
            hard=trial.hard,
            lulls=not trial.patient,
        )
        play = _play_live if trial.live else _play_shadow
        return asdict(play(town, traffic, trial))


def _play_shadow(town: Any, traffic: Any, trial: Trial) -> ShadowRun:
    counts = town.parts.shadowing.counts
    town.start(canonical=0, shadow=100)
    with _booking_elsewhere(town, trial):
        traffic.start()
        result = _compare(counts, trial)
        traffic.stop()
        _settle(town)
    town.stop()
    _judge(town, result, trial)
    return result


def _booking_elsewhere(town: Any, trial: Trial) -> AbstractContextManager[None]:
    from bench.kit.elsewhere import booking_elsewhere
    from bench.kit.town import DATABASE, USERS

    if not (trial.contended and trial.hard):
        return nullcontext()
    url = f"sqlite:///{DATABASE}"
    return booking_elsewhere(town.settings.instance_path, url, USERS, seed=trial.seed)


def _compare(counts: Any, trial: Trial) -> ShadowRun:
    """Let the traffic go on until enough was compared."""
    began = time.monotonic()
    result = ShadowRun()
    made = _made(counts)
    while time.monotonic() - began < trial.seconds and made.compared < trial.comparisons:
        time.sleep(0.002 if result.to_flag is None else 0.1)
        made = _made(counts)
        if made.mismatched and result.to_flag is None:
            result.to_flag, result.by = made.compared, made.differing
        if made.mismatched and not trial.patient and made.compared + made.left_out >= LEAST:
            break
    result.seconds = time.monotonic() - began
    return result


class _Made(NamedTuple):
    """Comparisons that were made, that found a difference (`differing` names them), left out."""

    compared: int
    mismatched: int
    left_out: int
    differing: list[str]


def _made(counts: Any) -> _Made:
    numbers = counts.snapshot()["comparisons"]
    sums = (
        sum(each[what] for each in numbers.values())
        for what in ("compared", "mismatched", "not_compared")
    )
    return _Made(*sums, [name for name, each in numbers.items() if each["mismatched"]])


def _settle(town: Any) -> None:
    """Wait until every episode is judged, or none was for so long that one never will be.

    With one that is slow they wait behind each other, and are waited for.
    """
    last, end = 0, time.monotonic() + SETTLING_S
    counts = town.parts.shadowing.counts
    while time.monotonic() < end:
        truth = counts.snapshot()["comparisons"]["truth"]
        judged = truth["compared"] + truth["not_compared"]
        if judged >= counts.episodes and not len(town.parts.migration.queue):
            return
        if judged > last:
            last, end = judged, time.monotonic() + SETTLING_S
        time.sleep(0.01)


def _judge(town: Any, result: ShadowRun, trial: Trial) -> None:
    """Read the log as an operator does; whatever is no pass is a flag."""
    from app.adapters.worker_log import log_files
    from bench.kit.proof import divergences, is_legacys_fault
    from shim.report import Verdict, read_logs

    logs = [path for path, *_ in log_files(town.settings.log_path)]
    report = read_logs(logs)
    result.flagged_by = [
        f"{name}: {report.verdict(name)}"
        for name in report.comparisons
        if report.verdict(name) is not Verdict.PASS
    ]
    result.places = sorted(
        {place for group in report.groups if group.known is None for place in group.differences}
    )[:6]
    result.episodes = report.episodes
    for name, tally in report.comparisons.items():
        result.diverged[name] = tally.mismatched
        result.compared += tally.compared
        result.not_compared += tally.left_out
        result.reasons = dict(Counter(result.reasons) + report.reasons[name])
    # A call that was dropped might have been an episode of its own, and three comparisons.
    lost = {f"dropped {why}": len(report.comparisons) * n for why, n in report.dropped.items()}
    result.not_compared += sum(lost.values())
    result.reasons |= lost
    if trial.contended:
        bookings = town.bookings()
        result.legacys_fault = sum(
            is_legacys_fault(record, bookings[record["user"]]) for record in divergences(logs)
        )
    result.served = sum(page.canonical_frames for page in [*town.all_pages(), *town.left])


def _play_live(town: Any, traffic: Any, trial: Trial) -> LiveRun:
    from bench.kit.pages import LATE_S, problems

    town.start(canonical=100, shadow=0)
    traffic.start()
    end = time.monotonic() + trial.seconds
    tallies = town.parts.migration.tallies.values()
    while time.monotonic() < end and sum(tally.canonical for tally in tallies) < trial.bookings:
        time.sleep(0.01)
    traffic.stop()
    booked = town.bookings()
    with suppress(TimeoutError):  # a page that is told later than this is told too late
        town.until(lambda: _all_told(town, booked), LATE_S)
    pages = [*town.all_pages(), *town.left]
    found = problems(pages, booked)
    town.stop()
    return LiveRun(dict(found), sum(len(page.heard) for page in pages))


def _all_told(town: Any, booked: dict[int, list[Any]]) -> bool:
    return all(
        page.connection.base_version == len(booked[page.user_id]) for page in town.all_pages()
    )


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps(run(Trial(**given))))
