"""The wire: JSON text frames as browsers speak them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class BalanceFrame:
    """The canonical state of one user for one connection, before it is put into words.

    `since` is the version that the connection had before, None if it had none;
    `version` the one it has after. Amounts have at most six decimals.
    """

    user_id: int
    version: int
    since: int | None
    uni: Decimal
    ton: Decimal
    change_uni: Decimal
    change_ton: Decimal
    sources: tuple[str, ...]
    at: datetime

    @property
    def is_change(self) -> bool:
        """Whether it says a change: a page would show any other as "+0"."""
        return bool(self.change_uni or self.change_ton)

    def text(self) -> str:
        """Return what the browser reads."""
        return balance_update(self)


def balance_update(frame: BalanceFrame) -> str:
    """Return the text of a balance update: the browsers' own, `version` and `since` added.

    Put together by hand, for this is most of what is ever said: a third of the encoder's time.
    """
    since = "null" if frame.since is None else frame.since
    return (
        f'{{"type":"balance_update","userId":{frame.user_id},"balanceData":'
        f'{{"balanceUni":{frame.uni},"balanceTon":{frame.ton},'
        f'"changes":{{"uni":{frame.change_uni},"ton":{frame.change_ton}}},'
        f'"sources":{_sources(frame.sources)},"timestamp":"{iso_text(frame.at)}"}},'
        f'"version":{frame.version},"since":{since}}}'
    )


def custom_message(user_id: int, type_: str, data: object, at: datetime) -> str:
    """Return the text of a message of a caller's own type. Raises TypeError by name."""
    try:
        return _text({"type": type_, "userId": user_id, "data": data, "timestamp": iso_text(at)})
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"data of a {type_!r} message cannot be put into a frame ({error}): "
            "pass numbers, text, booleans, None, lists and dicts"
        ) from error


def connection_established(connection_id: str, at: datetime) -> str:
    """Return the text of the first frame on a socket."""
    return _text(
        {
            "type": "connection_established",
            "connectionId": connection_id,
            "timestamp": iso_text(at),
        }
    )


def subscription_confirmed(user_id: int, at: datetime) -> str:
    """Return the text that confirms a subscription."""
    return _text({"type": "subscription_confirmed", "userId": user_id, "timestamp": iso_text(at)})


def pong(timestamp: object) -> str:
    """Return the text that answers a ping; `timestamp` is the ping's own, any JSON value."""
    return _text({"type": "pong", "timestamp": timestamp})


def shown_balance(text: str) -> tuple[Decimal, Decimal] | None:
    """Return the balances, UNI and TON, that a balance frame of any service shows.

    They are rounded to six decimals, for a binary double may print more. None if `text` is
    no such frame.
    """
    try:
        frame = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        if "balanceData" in frame:
            data = frame["balanceData"]
            return _amount(data["balanceUni"]), _amount(data["balanceTon"])
        data = frame["data"]
        return _amount(data["balance_uni"]), _amount(data["balance_ton"])
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation):
        return None


@lru_cache(maxsize=16)
def iso_text(moment: datetime) -> str:
    """Return an aware time as browsers print it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=256)
def _sources(sources: tuple[str, ...]) -> str:
    return _ENCODER.encode(sources).decode()


def _amount(value: Decimal | str) -> Decimal:
    """Return a number, or a text that a page shows like one, to six decimals."""
    amount = Decimal(value) if isinstance(value, str) else value
    if not amount.is_finite():
        raise InvalidOperation(f"{value} is no amount")
    return amount.quantize(_MILLIONTH)


def _text(message: dict[str, object]) -> str:
    return _ENCODER.encode(message).decode()
