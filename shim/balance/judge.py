"""The three comparisons of one episode, as pairs of structures to be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from shim.balance.dead_tabs import judged_again, with_skipped
from shim.balance.doubles import PUBLISH
from shim.balance.evidence import Evidence, Slower
from shim.balance.known import LEGACY_REACHES_NOBODY
from shim.balance.older import judged_as_older
from shim.balance.rehearsal import GUESTS
from shim.balance.saying import (
    Folded,
    Said,
    fold,
    is_balance_text,
    read_canonical,
    read_legacy,
)
from shim.balance.truth import Record, frames_expected, frames_seen
from shim.balance.waits import IN_TIME, longest_wait
from shim.exact import in_binary
from shim.shadow.differences import Each, Errors, Recipients
from shim.shadow.effects import Effect
from shim.shadow.observation import CallOutcome, Observation
from shim.shadow.result import Comparison, Judgement, NotCompared, left_out
from shim.shadow.spells import THREADS
from shim.sides import Path

_BLANK = Record(None)


def judge(evidence: Evidence) -> list[Judgement]:
    """Return the judgement of each comparison, and of the noise floor where it was measured."""
    noise = evidence.episode.noise
    if evidence.raced:
        return left_out(NotCompared.RACED, noise=noise)
    if _nothing_to_say(evidence):
        return _told_by_bus(evidence)
    judged = [_reach(evidence), _truth(evidence), _saying(evidence)]
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
    expected, published = _published(evidence)
    if expected == published:
        return judged
    return [_truth(evidence) if each.comparison is Comparison.TRUTH else each for each in judged]


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
    mended = _reached(evidence, _with_skipped(evidence, evidence.production))
    return judged_again(judgement, mended, _names_of_skipped(evidence))


def _reached(evidence: Evidence, run: Observation) -> dict[str, object]:
    """Return who got a balance, and what the callers got instead of an answer."""
    return {
        "recipients": Each(
            {_alias(evidence.aliases, said.recipient): "reached" for said in _messages(run)}
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


def _truth(evidence: Evidence) -> Judgement:
    seen, expected = Each(), Each()
    guest = evidence.guest
    pages = evidence.aliases if guest is None else {**evidence.aliases, guest: guest}
    by_recipient: dict[str, list[Effect]] = {recipient: [] for recipient in pages}
    for effect in evidence.canonical.effects:
        if read_canonical(effect) is not None or is_balance_text(effect.payload):
            by_recipient.setdefault(effect.recipient, []).append(effect)
    for recipient, effects in by_recipient.items():
        alias = _alias(pages, recipient)
        actual = frames_seen(effects, utc_at=evidence.utc_at)
        wanted = (
            frames_expected(
                effects,
                subject=evidence.episode.subject,
                truth=evidence.truth,
                record=evidence.records.get(recipient, _BLANK),
                seen=evidence.seen,
            )
            if recipient in pages
            else []
        )
        if actual:
            seen[alias] = actual
        if wanted:
            expected[alias] = wanted
    wanted_on_bus, seen_on_bus = _published(evidence)
    waited = _waited(evidence, pages, by_recipient)
    return Judgement(
        Comparison.TRUTH,
        expected={
            "recipients": expected,
            "published": wanted_on_bus,
            "unasked": "nothing",
            "waited": Each(dict.fromkeys(waited, IN_TIME)),
            **_probed(evidence, "expected"),
        },
        actual={
            "recipients": seen,
            "published": seen_on_bus,
            "unasked": "a frame" if evidence.held_back else "nothing",
            "waited": waited,
            **_probed(evidence, "actual"),
        },
    )


def _probed(evidence: Evidence, which: Literal["expected", "actual"]) -> dict[str, object]:
    """Return what nobody called for: what the reader was asked, and the life that followed."""
    probed = {"read": evidence.read, "life": evidence.lived}
    return {name: getattr(each, which) for name, each in probed.items() if each is not None}


def _waited(
    evidence: Evidence, pages: Mapping[str, str], effects: Mapping[str, Sequence[Effect]]
) -> Each:
    """Return how long each page waited at most for what a call spoke of."""
    waited = {
        alias: longest_wait(effects[page], evidence.spoken, evidence.records.get(page, _BLANK))
        for page, alias in pages.items()
    }
    return Each({alias: wait for alias, wait in waited.items() if wait is not None})


def _published(evidence: Evidence) -> tuple[list[object], list[object]]:
    """Return which users a shadow should have published, and which ones it did.

    However often: the bus carries a user who waits once. The live canonical's publications
    are for others to see, and counted by the bus.
    """
    run = evidence.canonical
    seen = sorted({str(e.payload) for e in run.effects if e.kind == PUBLISH})
    if run.live or not (seen or any(outcome.raised is None for outcome in run.calls)):
        return [], []
    subject = str(evidence.episode.subject)
    return [_user(subject, subject)], [_user(user, subject) for user in seen]


def _user(user: str, subject: str) -> str:
    """Name a user without telling who it is."""
    return "the user" if user == subject else "somebody else"


def _saying(evidence: Evidence) -> Judgement:
    counterfactual = evidence.counterfactual
    legacy = fold(_messages(counterfactual))
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
    repaired = _structure(evidence, mended, counterfactual, with_changes=with_changes)
    judged = judged_again(
        Judgement(Comparison.SAYING, expected=expected, actual=actual),
        {**expected, **repaired},
        _names_of_skipped(evidence),
    )
    return judged_as_older(judged, _messages(counterfactual), canonical.balance)


def _with_skipped(evidence: Evidence, run: Observation) -> Observation:
    """Return a run of legacy as if it had skipped nobody."""
    if not evidence.skipped:
        return run
    return replace(run, effects=with_skipped(run.effects, evidence.skipped, evidence.aliases))


def _names_of_skipped(evidence: Evidence) -> list[str]:
    recipients = dict.fromkeys(effect.recipient for effect in evidence.skipped)
    return [_alias(evidence.aliases, recipient) for recipient in recipients]


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
        "recipients": Recipients(_alias(evidence.aliases, each) for each in said.recipients),
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


def _alias(aliases: Mapping[str, str], recipient: str) -> str:
    return aliases.get(recipient, "stranger")
