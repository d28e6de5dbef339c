"""What was counted, as totals that only grow, and what of it is new since a baseline.

Names are plain text, so that totals can be kept as JSON: `diverged truth CALLER`, for instance.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from shim.guard.evidence import EVERYBODY, Evidence, Harm, Share
from shim.shadow.activity import MARK
from shim.shadow.counts import HARM, Cell
from shim.shadow.ledger import GroupKey
from shim.shadow.ledger_store import DRILL
from shim.shadow.result import noise_of

Totals = Mapping[str, int]

_COMPARED = ("matched", "known", "mismatched")
_CANONICAL = ("canonical live", "canonical_shadow shadow")
_LEGACY = ("legacy live", "production_shadow shadow", "legacy_shadow shadow")


@dataclass(frozen=True, slots=True)
class Context:
    """What is judged besides counts: whether anything ought to be compared, and what hinders it."""

    expected: bool = True
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Runs:
    """How the sides' calls went in one process: how long by side, how many raised, and sends."""

    latency: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    raised: Mapping[str, int] = field(default_factory=dict)
    sends: int = 0
    sends_failed: int = 0


def totals_of(
    counters: Mapping[Cell, int],
    groups: Iterable[tuple[GroupKey, int]],
    *,
    comparisons: Collection[str],
) -> dict[str, int]:
    """Add up what the guard judges by, of all sides: whoever served, both were compared."""
    sums: Counter[str] = Counter()
    floors = {noise_of(comparison): comparison for comparison in comparisons}
    for (caller, _, comparison, what), count in counters.items():
        if what.startswith(HARM):
            if caller == EVERYBODY:
                sums[f"harm {what.removeprefix(HARM)}"] += count
        elif what not in _COMPARED or caller.startswith(MARK):
            continue
        elif comparison in comparisons:
            _add(sums, f"{comparison} {caller}", what, count)
        elif comparison in floors and caller == EVERYBODY:
            _add(sums, f"noise {floors[comparison]}", what, count)
    for key, count in groups:
        if key.comparison == DRILL:
            sums[DRILL] += count
        elif key.comparison in comparisons and not key.known:
            sums[f"group {key.fingerprint}"] += count
    return dict(sums)


def totals_of_runs(runs: Runs) -> dict[str, int]:
    """Add up how the calls of both sides went; a counterfactual is neither."""
    sums: Counter[str] = Counter(sends=runs.sends, sends_failed=runs.sends_failed)
    for name, sides in (("canonical", _CANONICAL), ("legacy", _LEGACY)):
        for side in sides:
            sums[f"raised {name}"] += runs.raised.get(side, 0)
            for below, count in runs.latency.get(side, {}).items():
                sums[f"slow {name} {below}"] += count
    return dict(sums)


def since(totals: Totals, baseline: Totals) -> dict[str, int]:
    """Return what is new; a count that went back is none."""
    return {
        name: count - baseline.get(name, 0)
        for name, count in totals.items()
        if count > baseline.get(name, 0)
    }


def compared_by_caller(totals: Totals, comparisons: Collection[str]) -> dict[str, int]:
    """Return what was compared of each caller: the least of the guarded comparisons."""
    found: dict[str, int] = {}
    for comparison in comparisons:
        for name, count in _under(totals, f"compared {comparison} ").items():
            if name != EVERYBODY:
                found[name] = min(found.get(name, count), count)
    return found


def evidence_of(new: Totals, comparison: str, context: Context) -> Evidence:
    """Return what is new as evidence on one comparison."""
    diverged = _under(new, f"diverged {comparison} ")
    raised, slow = _under(new, "raised "), _by_side(_under(new, "slow "))
    groups = sorted(_under(new, "group ").items(), key=lambda pair: -pair[1])
    return Evidence(
        unexplained={
            caller: _share(diverged.get(caller, 0), total)
            for caller, total in _under(new, f"compared {comparison} ").items()
        },
        noise=_share(
            new.get(f"diverged noise {comparison}", 0), new.get(f"compared noise {comparison}", 0)
        ),
        harms={harm: new.get(f"harm {harm}", 0) for harm in Harm},
        raised={
            side: _share(raised.get(side, 0), sum(classes.values()))
            for side, classes in slow.items()
        },
        slow=slow,
        sends=_share(new.get("sends_failed", 0), new.get("sends", 0)),
        expected=context.expected,
        problems=context.problems,
        fingerprints=tuple(groups[:3]),
    )


def _add(sums: Counter[str], name: str, what: str, count: int) -> None:
    sums[f"compared {name}"] += count
    if what == "mismatched":
        sums[f"diverged {name}"] += count


def _under(totals: Totals, prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): count
        for name, count in totals.items()
        if name.startswith(prefix)
    }


def _by_side(slow: Totals) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for name, count in slow.items():
        side, _, below = name.partition(" ")
        found.setdefault(side, {})[int(below)] = count
    return found


def _share(count: int, total: int) -> Share:
    """Return a share; reports that came apart may have more of something than there is of it."""
    return Share(max(0, min(count, total)), max(0, total))
