"""A case with a stand-in for its user, fit to be kept among the tests."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from shim.balance.saying import decoded
from shim.lines import redacted
from shim.log_records import DifferenceRecord
from shim.replay.case import (
    SOMEBODY_ELSE,
    STAND_IN,
    Argument,
    CallCase,
    Case,
    Expected,
    FrameRecord,
    SentRecord,
    UserArgument,
)
from shim.shadow.result import Comparison, Result


def with_stand_in(case: Case, found: Mapping[Comparison, Result]) -> Case:
    """Return the case without its user's id, or anybody else's, with what a run of it found."""
    name = _Names(case.user)
    aliases = _aliases(case)
    anonymous = msgspec.structs.replace(
        case,
        user=STAND_IN,
        stand_in=True,
        calls=tuple(_call(call, name) for call in case.calls),
        sent=tuple(_sent(sent, name) for sent in case.sent),
        differences=tuple(
            DifferenceRecord(
                each.path,
                each.kind,
                redacted(each.expected, name, of=each.path),
                redacted(each.actual, name, of=each.path),
            )
            for each in case.differences
        ),
        expected={
            comparison: Expected(result.outcome, result.fingerprint, result.reason)
            for comparison, result in found.items()
        },
    )
    return _renamed(anonymous, aliases)


class _Names:
    """What a user id is replaced by."""

    def __init__(self, user: int) -> None:
        self._user = user

    def __call__(self, user_id: int) -> int:
        return STAND_IN if user_id == self._user else SOMEBODY_ELSE

    def in_argument(self, user_id: int | str) -> int | str:
        """Replace an id as a caller wrote it, number or text."""
        known = str(user_id) == str(self._user)
        stand_in = STAND_IN if known else SOMEBODY_ELSE
        return str(stand_in) if isinstance(user_id, str) else stand_in


def _call(call: CallCase, name: _Names) -> CallCase:
    return msgspec.structs.replace(
        call, argument=_argument(call.argument, name), corrected=_argument(call.corrected, name)
    )


def _argument(argument: Argument, name: _Names) -> Argument:
    if isinstance(argument, UserArgument):
        return UserArgument(name.in_argument(argument.user_id))
    return msgspec.structs.replace(argument, user_id=name.in_argument(argument.user_id))


def _sent(sent: SentRecord, name: _Names) -> SentRecord:
    return msgspec.structs.replace(
        sent,
        text=_text(sent.text, name),
        overheard=_text(sent.overheard, name),
        frame=None if sent.frame is None else _frame(sent.frame, name),
    )


def _frame(frame: FrameRecord, name: _Names) -> FrameRecord:
    return msgspec.structs.replace(frame, user_id=name(frame.user_id))


def _text(text: str | None, name: _Names) -> str | None:
    """Return a text frame without an id; one that no page can read is not kept."""
    if text is None:
        return None
    message = decoded(text)
    if not message:
        return f"{len(text)} characters that no page can read"
    changed: dict[str, Any] = redacted(message, name)  # type: ignore[assignment]
    return json.dumps(changed, separators=(",", ":"))


def _aliases(case: Case) -> dict[str, str]:
    """Return a number for each connection: the id of a socket is nobody's business either."""
    ids = [state.id for call in case.calls for state in call.connections]
    ids += [sent.to for sent in case.sent]
    return {id_: f"connection {n}" for n, id_ in enumerate(dict.fromkeys(ids), start=1)}


def _renamed(case: Case, aliases: Mapping[str, str]) -> Case:
    return msgspec.structs.replace(
        case,
        calls=tuple(
            msgspec.structs.replace(
                call,
                connections=tuple(
                    msgspec.structs.replace(state, id=aliases[state.id])
                    for state in call.connections
                ),
            )
            for call in case.calls
        ),
        sent=tuple(msgspec.structs.replace(sent, to=aliases[sent.to]) for sent in case.sent),
        connections_after=tuple(
            msgspec.structs.replace(state, id=aliases.get(state.id, "a later connection"))
            for state in case.connections_after
        ),
    )
