"""Judges counts against limits: a pure function, which only remembers how far its tests are.

| state | means |
| --- | --- |
| healthy | enough was compared, and no limit is passed |
| inconclusive | too little was compared to say anything |
| breached | a limit is passed: traffic belongs on legacy |
| not running | something ought to be compared and is not |

Alpha is divided by a stated rule, so that the chance of one false trip by divergences in a
whole rollout stays under it: three quarters for all callers together, an eighth for the
callers apart, in equal parts for `MOST_CALLERS`, an eighth for the workers that judge by
their own counts alone, in equal parts for `MOST_WORKERS`; these test all their callers together
and none apart. Harms, errors, sends and slowness
are fixed limits and have no part in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shim.confidence import upper_bound
from shim.guard.evidence import EVERYBODY, Evidence, Harm, Share
from shim.guard.limits import GuardLimits
from shim.guard.sequential import Progress, look, threshold

MOST_CALLERS = 16
"""Callers that are tested apart: those with the most comparisons; the others count in all."""
MOST_WORKERS = 64
OVER_ALL, APART, ALONE = 0.75, 0.125, 0.125
"""How alpha is divided."""
LEGACY, CANONICAL = "legacy", "canonical"
_PERCENTILE = 0.99
_FOR_A_PERCENTILE = 10
"""How many times as many calls a percentile needs as a share does: it is made of one in 100."""


class State(StrEnum):
    """What the guard makes of the counts."""

    HEALTHY = "healthy"
    INCONCLUSIVE = "inconclusive"
    BREACHED = "breached"
    NOT_RUNNING = "not_running"


@dataclass(frozen=True, slots=True)
class Memory:
    """How far each test is, by scope: a caller, or everybody. Plain data."""

    tests: Mapping[str, Progress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The state, the name of the limit that decided, and a message with both numbers."""

    state: State
    limit: str
    message: str


def judge(
    evidence: Evidence, limits: GuardLimits, memory: Memory, *, alone: bool = False
) -> tuple[Ruling, Memory]:
    """Return the ruling, and what to remember for the next look.

    `alone` is said by a worker that judges by nothing but its own counts.
    """
    memory = _tested(evidence, limits, memory, apart=not alone)
    for found in (
        _harmed(evidence, limits),
        _diverging(evidence, limits, memory, alone=alone),
        _raising(evidence, limits),
        _not_sending(evidence, limits),
        _slow(evidence, limits),
    ):
        if found is not None:
            return found, memory
    return _without_a_breach(evidence, limits), memory


def alpha_of(scope: str, limits: GuardLimits, *, alone: bool) -> float:
    """Return the share of alpha that one test has."""
    if alone:
        return limits.alpha * ALONE / MOST_WORKERS
    if scope == EVERYBODY:
        return limits.alpha * OVER_ALL
    return limits.alpha * APART / MOST_CALLERS


def tolerated_rate(noise: Share, limits: GuardLimits) -> float:
    """Return the rate that is tolerated over the noise floor.

    The upper bound of the noise is added once any was seen; noise never seen is not assumed.
    """
    floor = upper_bound(noise.count, noise.total) if noise.count else 0.0
    return min(limits.tolerated + floor, 0.49)


def _tested(evidence: Evidence, limits: GuardLimits, memory: Memory, *, apart: bool) -> Memory:
    tolerated = tolerated_rate(evidence.noise, limits)
    tests = dict(memory.tests)
    for scope in _scopes(evidence, memory, most=MOST_CALLERS if apart else 0):
        now, before = evidence.unexplained[scope], tests.get(scope, Progress())
        trials, failures = now.total - before.trials, now.count - before.failures
        # Counts only grow; what is less than it was is a report that came late.
        if trials > 0 and 0 <= failures <= trials:
            tests[scope] = look(before, failures, trials, tolerated=tolerated)
    return Memory(tests)


def _scopes(evidence: Evidence, memory: Memory, *, most: int) -> list[str]:
    """Return what is tested, at most so many callers apart: once one is among them it stays."""
    callers = [scope for scope in evidence.unexplained if scope != EVERYBODY]
    callers.sort(key=lambda scope: (scope not in memory.tests, -evidence.unexplained[scope].total))
    everybody = [EVERYBODY] if EVERYBODY in evidence.unexplained else []
    return everybody + callers[:most]


def _harmed(evidence: Evidence, limits: GuardLimits) -> Ruling | None:
    for harm in Harm:
        seen, most = evidence.harms.get(harm, 0), limits.harms.get(harm, 0)
        if seen > most:
            return _breach(harm, f"{seen:,} seen, {most:,} borne", evidence)
    return None


def _diverging(
    evidence: Evidence, limits: GuardLimits, memory: Memory, *, alone: bool
) -> Ruling | None:
    for scope, progress in memory.tests.items():
        needed = threshold(alpha_of(scope, limits, alone=alone))
        if progress.peak < needed:
            continue
        rate = progress.failures / progress.trials
        whose = "" if scope == EVERYBODY else f" of {scope}"
        return _breach(
            "tolerated",
            f"{progress.failures:,} of {progress.trials:,} comparisons{whose} diverged"
            f" unexplained, {rate:.4%}, tolerated {tolerated_rate(evidence.noise, limits):.4%}"
            f" (evidence {progress.peak:.1f}, limit {needed:.1f})",
            evidence,
        )
    return None


def _raising(evidence: Evidence, limits: GuardLimits) -> Ruling | None:
    canonical, legacy = (evidence.raised.get(side, Share()) for side in (CANONICAL, LEGACY))
    if min(canonical.total, legacy.total) < limits.least:
        return None
    if canonical.rate - legacy.rate <= limits.errors:
        return None
    return _breach(
        "errors",
        f"{canonical} calls raised on the canonical side, {canonical.rate:.2%}, {legacy} on"
        f" legacy, {legacy.rate:.2%}: more than {limits.errors:.2%} apart",
        evidence,
    )


def _not_sending(evidence: Evidence, limits: GuardLimits) -> Ruling | None:
    sends = evidence.sends
    if sends.total < limits.least or sends.rate <= limits.sends:
        return None
    return _breach("sends", f"{sends} failed, {sends.rate:.2%}, limit {limits.sends:.2%}", evidence)


def _slow(evidence: Evidence, limits: GuardLimits) -> Ruling | None:
    canonical, legacy = (evidence.slow.get(side, {}) for side in (CANONICAL, LEGACY))
    if min(sum(canonical.values()), sum(legacy.values())) < limits.least * _FOR_A_PERCENTILE:
        return None
    ours, theirs = _percentile(canonical), _percentile(legacy)
    limit = max(theirs * limits.slowdown, limits.floor_us)
    if ours <= limit:
        return None
    return _breach(
        "slowdown",
        f"99 % of calls stay below {ours:,} us on the canonical side, {theirs:,} us on legacy:"
        f" limit {limit:,.0f} us",
        evidence,
    )


def _percentile(classes: Mapping[int, int]) -> int:
    left = sum(classes.values()) * _PERCENTILE
    for below, count in sorted(classes.items()):
        left -= count
        if left <= 0:
            return below
    return 0


def _without_a_breach(evidence: Evidence, limits: GuardLimits) -> Ruling:
    compared = evidence.compared
    if evidence.expected and evidence.problems:
        return Ruling(State.NOT_RUNNING, "running", "; ".join(evidence.problems))
    if not evidence.expected:
        return Ruling(State.NOT_RUNNING, "running", "nothing is to be compared at this stage")
    if compared < limits.least:
        return Ruling(
            State.INCONCLUSIVE, "least", f"{compared:,} comparisons, at least {limits.least:,}"
        )
    seen = evidence.unexplained[EVERYBODY]
    return Ruling(
        State.HEALTHY,
        "tolerated",
        f"{seen} diverged unexplained, {seen.rate:.4%}, tolerated"
        f" {tolerated_rate(evidence.noise, limits):.4%}",
    )


def _breach(limit: str, message: str, evidence: Evidence) -> Ruling:
    often = ", ".join(f"{mark} {count:,}" for mark, count in evidence.fingerprints[:3])
    return Ruling(
        State.BREACHED, limit, f"{limit}: {message}" + (f"; most often {often}" if often else "")
    )
