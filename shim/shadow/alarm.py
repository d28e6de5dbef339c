"""Tells when the shadow ought to be running and is not: a pure function of what was read.

No data is never a pass, so an outage of the comparison must not look like quiet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from shim.shadow.result import Comparison

_log = structlog.get_logger("shim")


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters of one process at one moment; `at` in monotonic seconds.

    `expected` says whether anything is to be compared at all, `everything` whether every
    call is. `routed` counts calls, `offered` and `taken` events of the queue, `queued` those
    in it. `compared` and `left_out` count comparisons; `answered` besides those where nobody
    was to be told. Calls that were dropped count in `left_out` once for each comparison.
    """

    at: float
    expected: bool
    everything: bool
    routed: int = 0
    offered: int = 0
    taken: int = 0
    queued: int = 0
    compared: int = 0
    answered: int = 0
    left_out: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlarmLimits:
    """Times in seconds; `share` of the comparisons that must be made, of `least` or more.

    A call needs up to `settling` seconds until it is compared.
    """

    window: float = 60.0
    stuck: float = 10.0
    settling: float = 5.0
    share: float = 0.8
    least: int = 20 * len(Comparison)


def alarms(readings: Sequence[Reading], limits: AlarmLimits) -> tuple[str, ...]:
    """Return what is wrong, with the numbers; `readings` are of one window, oldest first."""
    if not readings or not readings[-1].expected:
        return ()
    found = (
        _queue_stuck(readings, limits),
        _nothing_compared(readings, limits),
        _too_few_compared(readings, limits),
    )
    return tuple(problem for problem in found if problem is not None)


def _queue_stuck(readings: Sequence[Reading], limits: AlarmLimits) -> str | None:
    now = readings[-1]
    since = [each for each in readings if now.at - each.at >= limits.stuck]
    if not since:
        return None
    then = since[-1]
    if not now.queued or not then.queued or now.taken != then.taken:
        return None
    return (
        f"the shadows' queue is stuck: {now.queued} events wait, and none was taken for"
        f" {now.at - then.at:.0f} s (limit {limits.stuck:g} s)"
    )


def _nothing_compared(readings: Sequence[Reading], limits: AlarmLimits) -> str | None:
    first, now = readings[0], readings[-1]
    settled = [each for each in readings if now.at - each.at >= limits.settling]
    if now.at - first.at < limits.window or not settled or now.answered > first.answered:
        return None
    routed = settled[-1].routed - first.routed
    offered = settled[-1].offered - first.offered
    if routed <= 0 or not (offered > 0 or now.everything):
        return None
    return (
        f"nothing was compared for {now.at - first.at:.0f} s (limit {limits.window:g} s), though"
        f" {routed} calls were routed: {offered} events for the shadows, {now.queued} wait,"
        f" {now.left_out - first.left_out} comparisons were left out{_why(first, now)}"
    )


def _too_few_compared(readings: Sequence[Reading], limits: AlarmLimits) -> str | None:
    first, now = readings[0], readings[-1]
    compared = now.compared - first.compared
    total = compared + now.left_out - first.left_out
    if total < limits.least or compared >= limits.share * total:
        return None
    return (
        f"{compared} of {total} comparisons were made in {now.at - first.at:.0f} s,"
        f" {compared / total:.0%} of what was sampled (limit {limits.share:.0%}){_why(first, now)}"
    )


def _why(first: Reading, now: Reading) -> str:
    reasons = {name: n - first.reasons.get(name, 0) for name, n in now.reasons.items()}
    told = ", ".join(f"{name} {n}" for name, n in sorted(reasons.items()) if n > 0)
    return f": {told}" if told else ""


class Watch:
    """Keeps the readings of one window; logs when an outage begins, and when it is over."""

    def __init__(self, limits: AlarmLimits | None = None) -> None:
        self._limits = limits or AlarmLimits()
        self._readings: list[Reading] = []
        self.problems: tuple[str, ...] = ()
        """What is wrong, by the last reading."""

    def look(self, reading: Reading) -> None:
        """Judge by one more reading; a change of what is expected begins a new window."""
        if self._readings and self._readings[-1].expected != reading.expected:
            self._readings.clear()
        self._readings.append(reading)
        oldest = reading.at - self._limits.window
        while len(self._readings) > 1 and self._readings[1].at <= oldest:
            del self._readings[0]
        was, self.problems = self.problems, alarms(self._readings, self._limits)
        if self.problems and not was:
            _log.error("shadow_not_comparing", problems=list(self.problems))
        elif was and not self.problems:
            _log.info("shadow_comparing_again")
