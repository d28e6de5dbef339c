"""What was counted, as totals that only grow, and what of it is new since a baseline.

Names are plain text, so that totals can be kept as JSON: `diverged truth CALLER`, for instance.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from shim.guard.evidence import EVERYBODY, Evidence, Harm, Share
from shim.shadow.activity import MARK
from shim.shadow.counts import HARM, Cell
from shim.shadow.ledger import GroupKey
from shim.shadow.ledger_store import DRILL
from shim.shadow.result import noise_of

Totals = Mapping[str, int]

NamesOfCell = TypeVar("NamesOfCell", Cell, tuple[str, str, str, str])
"""A counter of one epoch, or of all of them."""
COMPARED = ("matched", "known", "mismatched")
"""What a counter says of a comparison that was made."""
_LIVE = {"canonical": "canonical live", "legacy": "legacy live"}
_SHADOWS = {
    "canonical": ("canonical_shadow shadow",),
    "legacy": ("production_shadow shadow", "legacy_shadow shadow"),
}


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
    counters: Mapping[NamesOfCell, int],
    groups: Iterable[tuple[GroupKey, int]],
    *,
    comparisons: Collection[str],
) -> dict[str, int]:
    """Add up what the guard judges by, of all sides: whoever served, both were compared."""
    sums: Counter[str] = Counter()
    floors = {noise_of(comparison): comparison for comparison in comparisons}
    for (caller, _, comparison, what, *_), count in counters.items():
        if what.startswith(HARM):
            if caller == EVERYBODY:
                sums[f"harm {what.removeprefix(HARM)}"] += count
        elif what not in COMPARED or caller.startswith(MARK):
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
    """Add up how the calls of both sides went; a counterfactual is neither.

    How long they took is asked of live calls alone: a shadow waits for its thread as no
    caller does.
    """
    sums: Counter[str] = Counter(sends=runs.sends, sends_failed=runs.sends_failed)
    for name, live in _LIVE.items():
        for side in (live, *_SHADOWS[name]):
            sums[f"raised {name}"] += runs.raised.get(side, 0)
            sums[f"ran {name}"] += sum(runs.latency.get(side, {}).values())
        for below, count in runs.latency.get(live, {}).items():
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
    of = _by_word(new)
    diverged, compared = (_under(of[word], f"{comparison} ") for word in ("diverged", "compared"))
    groups = sorted(of["group"].items(), key=lambda pair: -pair[1])
    noise = f"noise {comparison}"
    return Evidence(
        unexplained={
            caller: _share(diverged.get(caller, 0), total) for caller, total in compared.items()
        },
        noise=_share(of["diverged"].get(noise, 0), of["compared"].get(noise, 0)),
        harms={harm: of["harm"].get(harm, 0) for harm in Harm},
        raised={side: _share(of["raised"].get(side, 0), ran) for side, ran in of["ran"].items()},
        slow=_by_side(of["slow"]),
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


def _by_word(totals: Totals) -> Mapping[str, dict[str, int]]:
    """Return the totals by the first word of their names, each under the rest of its name."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, count in totals.items():
        word, _, rest = name.partition(" ")
        found[word][rest] = count
    return found


def _by_side(slow: Totals) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for name, count in slow.items():
        side, _, below = name.partition(" ")
        found.setdefault(side, {})[int(below)] = count
    return found


def _share(count: int, total: int) -> Share:
    """Return a share; reports that came apart may have more of something than there is of it."""
    return Share(max(0, min(count, total)), max(0, total))
