"""The three comparisons of one episode, as pairs of structures to be compared."""

from collections.abc import Sequence
from dataclasses import replace

from shim.balance.dead_tabs import judged_again, with_skipped
from shim.balance.doubles import PUBLISH
from shim.balance.evidence import Evidence, Slower
from shim.balance.judge_truth import alias_of, judge_truth, published
from shim.balance.known import LEGACY_REACHES_NOBODY
from shim.balance.older import judged_as_older
from shim.balance.rehearsal import GUESTS
from shim.balance.saying import (
    Folded,
    Said,
    fold,
    read_canonical,
    read_legacy,
)
from shim.exact import in_binary
from shim.shadow.differences import Each, Errors, Recipients
from shim.shadow.effects import Effect
from shim.shadow.observation import CallOutcome, Observation
from shim.shadow.result import Comparison, Judgement, NotCompared, left_out
from shim.shadow.spells import THREADS
from shim.sides import Path


def judge(evidence: Evidence) -> list[Judgement]:
    """Return the judgement of each comparison, and of the noise floor where it was measured."""
    noise = evidence.episode.noise
    if evidence.raced:
        return left_out(NotCompared.RACED, noise=noise)
    if _nothing_to_say(evidence):
        return _told_by_bus(evidence)
    judged = [_reach(evidence), judge_truth(evidence), _saying(evidence)]
    return judged if evidence.twins is None else [*judged, *_noise(evidence, *evidence.twins)]


def _nothing_to_say(evidence: Evidence) -> bool:
    """Tell whether there was nobody to be told, nobody was told, and nothing was raised."""
    runs = (evidence.production, evidence.canonical, evidence.counterfactual)
    return not evidence.aliases and not any(
        any(effect.kind != PUBLISH for effect in run.effects)
        or any(outcome.raised for outcome in run.calls)
        for run in runs
    )


def _told_by_bus(evidence: Evidence) -> list[Judgement]:
    """Judge where nobody is connected here: on another worker somebody may be, by the bus.

    A wrong publication is a difference of truth. A right one is not counted as compared: with
    silence besides, much of it would make a strong claim of a weak proof.
    """
    judged = left_out(NotCompared.NO_CONNECTION, noise=evidence.episode.noise)
    expected, seen = published(evidence)
    if expected == seen:
        return judged
    return [
        judge_truth(evidence) if each.comparison is Comparison.TRUTH else each for each in judged
    ]


def _reach(evidence: Evidence) -> Judgement:
    if evidence.ahead:
        return Judgement(Comparison.REACH, skipped=NotCompared.RACED)
    production = _reached(evidence, evidence.production)
    canonical = _reached(evidence, evidence.canonical)
    is_the_fault = (
        not production["recipients"]
        and production["raised"] == canonical["raised"]
        and all(call.path == Path.USER_ID_ONLY for call in evidence.episode.calls)
    )
    judgement = Judgement(
        Comparison.REACH,
        expected=production,
        actual=canonical,
        known=LEGACY_REACHES_NOBODY if is_the_fault else None,
    )
    if not evidence.skipped:
        return judgement
    mended = _reached(evidence, _with_skipped(evidence, evidence.production))
    return judged_again(judgement, mended, _names_of_skipped(evidence))


def _reached(evidence: Evidence, run: Observation) -> dict[str, object]:
    """Return who got a balance, and what the callers got instead of an answer."""
    return {
        "recipients": Each(
            {alias_of(evidence.aliases, said.recipient): "reached" for said in _messages(run)}
        ),
        "raised": _raised(run.calls),
    }


def _noise(evidence: Evidence, one: Observation, other: Observation) -> list[Judgement]:
    """Put legacy to the same questions against itself."""
    reach = Judgement(
        Comparison.REACH,
        expected=_reached(evidence, one),
        actual=_reached(evidence, other),
        noise=True,
    )
    first, second = fold(_messages(one)), fold(_messages(other))
    if first.balance != second.balance and _says_what_came_later(evidence, second):
        return [reach, Judgement(Comparison.SAYING, skipped=NotCompared.RACED, noise=True)]
    with_changes = _with_changes(evidence)
    expected = _structure(evidence, first, one, with_changes=with_changes)
    actual = _structure(evidence, second, other, with_changes=with_changes)
    _add_latency(evidence.twins_slower, expected, actual)
    return [reach, Judgement(Comparison.SAYING, expected=expected, actual=actual, noise=True)]


def _says_what_came_later(evidence: Evidence, said: Folded) -> bool:
    """Tell whether a balance is one that no call of this episode spoke of."""
    return any(
        said.balance == (in_binary(booked.uni_after), in_binary(booked.ton_after))
        for booked in evidence.truth.transactions
        if booked.version > evidence.seen
    )


def _saying(evidence: Evidence) -> Judgement:
    counterfactual = evidence.counterfactual
    heard = _messages(counterfactual)
    legacy = mended = fold(heard)
    if evidence.skipped:
        mended = fold(_messages(_with_skipped(evidence, counterfactual)))
    canonical = fold(_messages(evidence.canonical))
    if evidence.ahead or evidence.greeting or _moved_under(evidence, mended, canonical):
        return Judgement(Comparison.SAYING, skipped=NotCompared.RACED)
    with_changes = _with_changes(evidence)
    if with_changes and evidence.behind:
        return Judgement(Comparison.SAYING, skipped=NotCompared.RACED)
    expected = _structure(evidence, legacy, counterfactual, with_changes=with_changes)
    actual = _structure(evidence, canonical, evidence.canonical, with_changes=with_changes)
    _add_latency(evidence.slower, expected, actual)
    if evidence.leaves_threads:
        expected[THREADS], actual[THREADS] = "as many as before", "more after each call"
    judged = Judgement(Comparison.SAYING, expected=expected, actual=actual)
    if evidence.skipped:
        repaired = _structure(evidence, mended, counterfactual, with_changes=with_changes)
        judged = judged_again(judged, {**expected, **repaired}, _names_of_skipped(evidence))
    return judged_as_older(judged, heard, canonical.balance)


def _with_skipped(evidence: Evidence, run: Observation) -> Observation:
    """Return a run of legacy as if it had skipped nobody."""
    return replace(run, effects=with_skipped(run.effects, evidence.skipped, evidence.aliases))


def _names_of_skipped(evidence: Evidence) -> list[str]:
    recipients = dict.fromkeys(effect.recipient for effect in evidence.skipped)
    return [alias_of(evidence.aliases, recipient) for recipient in recipients]


def _with_changes(evidence: Evidence) -> bool:
    return all(call.path == Path.CONNECTION_AWARE for call in evidence.episode.calls)


def _add_latency(slower: Slower, expected: dict[str, object], actual: dict[str, object]) -> None:
    if slower:
        expected["latency"] = {phase: classes[0] for phase, classes in slower.items()}
        actual["latency"] = {phase: classes[1] for phase, classes in slower.items()}


def _messages(run: Observation) -> list[Said]:
    """Return what was said to the user's own pages: no other side has guests."""
    effects = (effect for effect in run.effects if effect.recipient not in GUESTS)
    return [said for effect in effects if (said := _said(effect)) is not None]


def _said(effect: Effect) -> Said | None:
    said = read_canonical(effect)
    return read_legacy(effect) if said is None else said.as_legacy_can()


def _moved_under(evidence: Evidence, legacy: Folded, canonical: Folded) -> bool:
    """Tell whether the canonical read something that no call of this episode spoke of.

    The legacy's last message has its place among the versions; if the canonical went past
    what the database held after the last call, the two were asked at different times.
    """
    if legacy.balance is None or canonical.balance is None:
        return False
    return legacy.balance != canonical.balance and _last_version(evidence) > evidence.seen


def _last_version(evidence: Evidence) -> int:
    versions = [
        version
        for effect in evidence.canonical.effects
        if (version := getattr(effect.payload, "version", None)) is not None
    ]
    return max(versions, default=0)


def _structure(
    evidence: Evidence, said: Folded, run: Observation, *, with_changes: bool
) -> dict[str, object]:
    """Return what was said, in the words that both sides have.

    The user-id-only service says neither changes nor sources; where one of its calls is in
    the episode, neither is compared.
    """
    structure: dict[str, object] = {
        "recipients": Recipients(alias_of(evidence.aliases, each) for each in said.recipients),
        "balance": None
        if said.balance is None
        else dict(zip(("uni", "ton"), said.balance, strict=True)),
        "raised": _raised(run.calls),
        "values": [outcome.value for outcome in run.calls if outcome.raised is None],
    }
    if with_changes:
        structure["changes"] = dict(zip(("uni", "ton"), said.changes, strict=True))
        structure["sources"] = list(said.sources)
    return structure


def _raised(calls: Sequence[CallOutcome]) -> Errors:
    return Errors(
        [
            f"{outcome.raised.kind}: {outcome.raised.message}"
            for outcome in calls
            if outcome.raised is not None
        ]
    )
