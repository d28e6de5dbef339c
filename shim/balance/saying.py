"""The two legacy message shapes read as one, and an episode's messages folded."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from shim.balance.doubles import PUBLISH
from shim.exact import SIX_PLACES, amount, in_binary
from shim.ports import Frame
from shim.shadow.effects import Effect


@dataclass(frozen=True, slots=True)
class Said:
    """One balance message. `changes` and `sources` are None where the shape has none."""

    recipient: str
    user_id: object
    uni: Decimal
    ton: Decimal
    changes: tuple[Decimal, Decimal] | None
    sources: tuple[str, ...] | None

    def is_of(self, uni: Decimal, ton: Decimal) -> bool:
        """Whether legacy would have said this of these balances."""
        return (self.uni, self.ton) == (in_binary(uni), in_binary(ton))

    def as_legacy_can(self) -> "Said":
        """Return the same with what a binary float holds of each amount."""
        uni, ton, changes = in_binary(self.uni), in_binary(self.ton), self.changes
        if changes is not None:
            changes = (in_binary(changes[0]), in_binary(changes[1]))
        return replace(self, uni=uni, ton=ton, changes=changes)


def read_legacy(effect: Effect) -> Said | None:
    """Read a text frame; None if it is no balance message that can be read."""
    message = decoded(effect.payload)
    try:
        if message.get("type") != "balance_update":
            return None
        return _read_data(effect, message) if "data" in message else _read_full(effect, message)
    except (LookupError, TypeError, AttributeError):
        return None


def is_balance_text(payload: object) -> bool:
    """Tell whether a payload is text that a page would take for a balance, or cannot read."""
    if not isinstance(payload, str):
        return False
    message = decoded(payload)
    return not message or message.get("type") == "balance_update"


def decoded(payload: object) -> dict[str, Any]:
    """Return the message that a text frame holds, nothing if it is none that a page can read.

    Fractions are exact decimals: read as binary floats, those above 2**33 would be others.
    """
    if not isinstance(payload, str):
        return {}
    try:
        message = json.loads(payload, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no JSON: no browser reads it")


def _read_data(effect: Effect, message: dict[str, Any]) -> Said:
    data = message["data"]
    uni, ton = amount(data["balance_uni"]), amount(data["balance_ton"])
    return Said(effect.recipient, message["userId"], uni, ton, None, None)


def _read_full(effect: Effect, message: dict[str, Any]) -> Said:
    data = message["balanceData"]
    changes = data["changes"]
    return Said(
        effect.recipient,
        message["userId"],
        amount(data["balanceUni"]),
        amount(data["balanceTon"]),
        (amount(changes["uni"]), amount(changes["ton"])),
        tuple(data["sources"]),
    )


def read_canonical(effect: Effect) -> Said | None:
    """Read canonical state; None if it is a frame of another kind."""
    if isinstance(effect.payload, str) or effect.kind == PUBLISH:
        return None
    frame: Frame = effect.payload  # type: ignore[assignment]
    changes = (amount(frame.change_uni), amount(frame.change_ton))
    uni, ton = amount(frame.uni), amount(frame.ton)
    return Said(effect.recipient, frame.user_id, uni, ton, changes, tuple(frame.sources))


@dataclass(frozen=True, slots=True)
class Folded:
    """An episode's messages to all recipients as one."""

    recipients: tuple[str, ...]
    balance: tuple[Decimal, Decimal] | None
    changes: tuple[Decimal, Decimal]
    sources: tuple[str, ...]


def fold(messages: Iterable[Said]) -> Folded:
    """Fold: recipients in order, the last balance, changes summed as the first one heard them."""
    messages = list(messages)
    recipients = tuple(dict.fromkeys(said.recipient for said in messages))
    heard = [said for said in messages if said.recipient == recipients[0]] if messages else []
    changes = [said.changes for said in heard if said.changes is not None]
    sources = dict.fromkeys(source for said in heard for source in said.sources or ())
    return Folded(
        recipients,
        (heard[-1].uni, heard[-1].ton) if heard else None,
        (
            sum((uni for uni, _ in changes), Decimal(0)).quantize(SIX_PLACES),
            sum((ton for _, ton in changes), Decimal(0)).quantize(SIX_PLACES),
        ),
        tuple(sources),
    )
