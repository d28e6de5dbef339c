"""A case of balance notifications without names: of users and of connections."""

from collections.abc import Mapping
from typing import Any

import msgspec

from shim.balance.life.events import Life
from shim.balance.replay.case import (
    Argument,
    BalanceCall,
    BalanceCase,
    FrameRecord,
    SentRecord,
    UserArgument,
)
from shim.balance.saying import decoded
from shim.lines import redacted
from shim.replay.case import SOMEBODY_ELSE
from shim.replay.replayer import Rename
from shim.shadow.publisher import ENCODER


def without_names(case: BalanceCase, name: Rename) -> BalanceCase:
    """Return the case with what `name` calls its users, and connections by their number."""
    anonymous = msgspec.structs.replace(
        case,
        calls=tuple(_call(call, name) for call in case.calls),
        sent=tuple(_sent(sent, name) for sent in case.sent),
        life=None if case.life is None else _life(case.life, name),
    )
    return _renamed(anonymous, _aliases(case))


def _life(life: Life, name: Rename) -> Life:
    people = (msgspec.structs.replace(each, user=name(each.user)) for each in life.people)
    return msgspec.structs.replace(life, people=tuple(people))


def _call(call: BalanceCall, name: Rename) -> BalanceCall:
    return msgspec.structs.replace(
        call, argument=_argument(call.argument, name), corrected=_argument(call.corrected, name)
    )


def _argument(argument: Argument, name: Rename) -> Argument:
    if isinstance(argument, UserArgument):
        return UserArgument(_in_argument(argument.user_id, name))
    return msgspec.structs.replace(argument, user_id=_in_argument(argument.user_id, name))


def _in_argument(user_id: int | str, name: Rename) -> int | str:
    """Replace an id as a caller wrote it, number or text."""
    if isinstance(user_id, int):
        return name(user_id)
    return str(name(int(user_id))) if user_id.isdecimal() else str(SOMEBODY_ELSE)


def _sent(sent: SentRecord, name: Rename) -> SentRecord:
    return msgspec.structs.replace(
        sent,
        text=_text(sent.text, name),
        overheard=_text(sent.overheard, name),
        frame=None if sent.frame is None else _frame(sent.frame, name),
    )


def _frame(frame: FrameRecord, name: Rename) -> FrameRecord:
    return msgspec.structs.replace(frame, user_id=name(frame.user_id))


def _text(text: str | None, name: Rename) -> str | None:
    """Return a text frame without an id; one that no page can read is not kept."""
    if text is None:
        return None
    message = decoded(text)
    if not message:
        return f"{len(text)} characters that no page can read"
    changed: dict[str, Any] = redacted(message, name)  # type: ignore[assignment]
    return ENCODER.encode(changed).decode()


def _aliases(case: BalanceCase) -> dict[str, str]:
    """Return a number for each connection: the id of a socket is nobody's business either."""
    ids = [state.id for call in case.calls for state in call.connections]
    ids += [sent.to for sent in case.sent]
    return {id_: f"connection {n}" for n, id_ in enumerate(dict.fromkeys(ids), start=1)}


def _renamed(case: BalanceCase, aliases: Mapping[str, str]) -> BalanceCase:
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
