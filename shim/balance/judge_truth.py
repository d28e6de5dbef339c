"""The comparison of truth: the canonical against the database, which needs no legacy."""

from collections.abc import Mapping, Sequence
from typing import Literal

from shim.balance.doubles import PUBLISH
from shim.balance.evidence import Evidence
from shim.balance.saying import is_balance_text, read_canonical
from shim.balance.truth import Record, frames_expected, frames_seen
from shim.balance.waits import IN_TIME, longest_wait
from shim.shadow.differences import Each
from shim.shadow.effects import Effect
from shim.shadow.result import Comparison, Judgement

_BLANK = Record(None)


def judge_truth(evidence: Evidence) -> Judgement:
    """Put what the canonical said and published beside what the database holds."""
    guest = evidence.guest
    pages = evidence.aliases if guest is None else {**evidence.aliases, guest: guest}
    by_recipient: dict[str, list[Effect]] = {recipient: [] for recipient in pages}
    for effect in evidence.canonical.effects:
        if read_canonical(effect) is not None or is_balance_text(effect.payload):
            by_recipient.setdefault(effect.recipient, []).append(effect)
    expected, seen = _frames(evidence, pages, by_recipient)
    wanted_on_bus, seen_on_bus = published(evidence)
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


def _frames(
    evidence: Evidence, pages: Mapping[str, str], effects: Mapping[str, Sequence[Effect]]
) -> tuple[Each, Each]:
    """Return what each page had to be told, and what it was; a stranger nothing at all."""
    expected, seen = Each(), Each()
    for recipient, sent in effects.items():
        alias = alias_of(pages, recipient)
        if actual := frames_seen(sent, utc_at=evidence.utc_at):
            seen[alias] = actual
        if recipient not in pages:
            continue
        wanted = frames_expected(
            sent,
            subject=evidence.episode.subject,
            truth=evidence.truth,
            record=evidence.records.get(recipient, _BLANK),
            seen=evidence.seen,
        )
        if wanted:
            expected[alias] = wanted
    return expected, seen


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


def published(evidence: Evidence) -> tuple[list[object], list[object]]:
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


def alias_of(aliases: Mapping[str, str], recipient: str) -> str:
    """Name a recipient without telling which one it is."""
    return aliases.get(recipient, "stranger")
