"""What the canonical ought to have said, from the transactions alone."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from shim.balance.saying import decoded
from shim.exact import SIX_PLACES, amount
from shim.ports import Booked, Truth
from shim.shadow.effects import Effect

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_FIELDS: Mapping[str, object] = {
    "type": None,
    "userId": None,
    "balanceData": {
        "balanceUni": None,
        "balanceTon": None,
        "changes": {"uni": None, "ton": None},
        "sources": None,
        "timestamp": None,
    },
    "version": None,
    "since": None,
}
"""What a balance message has; a page may take whatever is there besides for what it is not."""
_SOON = timedelta(seconds=1)
"""How far the time in a message may be from when it was said."""
UtcAt = Callable[[float], datetime]
NOTHING = Decimal(0).quantize(SIX_PLACES)


@dataclass(frozen=True, slots=True)
class Record:
    """What a connection had been given before each canonical frame of the episode.

    `before` maps a frame (by identity) to the version that the page showed; `base` is what
    it showed at the first call. None: it had been given nothing. `misled` are frames that a page
    needed though it knew their version, for legacy had shown it another balance since; `owed`
    says that it needs one.
    """

    base: int | None
    before: Mapping[int, int | None] = field(default_factory=dict)
    misled: Collection[int] = ()
    owed: bool = False


def frames_seen(effects: Sequence[Effect], *, utc_at: UtcAt | None = None) -> list[object]:
    """Return the canonical frames of one connection as plain data.

    `utc_at` tells what time of day it was at a moment, for a side whose clock we hold.
    """
    return [_plain(effect, utc_at) for effect in effects]


def _plain(effect: Effect, utc_at: UtcAt | None) -> dict[str, object]:
    """Return a frame as data; a balance put into words by the canonical itself is none."""
    frame = effect.payload
    if isinstance(frame, str):
        return {"said": decoded(frame) or f"{len(frame)} characters that no page can read"}
    if not callable(getattr(frame, "text", None)):
        return _attributes(frame)
    try:
        return _read(frame.text(), utc_at and utc_at(effect.at))  # type: ignore[attr-defined]
    except Exception as error:  # noqa: BLE001 - whatever it was, no page would read the frame
        return {"said": f"nothing that a page can read: {type(error).__name__}"}


def _read(text: str, said_at: datetime | None) -> dict[str, object]:
    """Return what a page reads; raises for what it cannot."""
    message = decoded(text)
    data = message["balanceData"]
    if message["type"] != "balance_update" or not _TIME.fullmatch(data["timestamp"]):
        raise ValueError("no balance message")
    if said_at is not None and abs(datetime.fromisoformat(data["timestamp"]) - said_at) > _SOON:
        raise ValueError("a time at which nothing was said")
    more = _more("", message, _FIELDS)
    return {
        **({"more": more} if more else {}),
        "user": message["userId"],
        "version": message["version"],
        "since": message["since"],
        "uni": amount(_number(data["balanceUni"])),
        "ton": amount(_number(data["balanceTon"])),
        "change_uni": amount(_number(data["changes"]["uni"])),
        "change_ton": amount(_number(data["changes"]["ton"])),
        "sources": data["sources"],
    }


def _more(path: str, found: Mapping[str, object], fields: Mapping[str, object]) -> list[str]:
    """Return where a message has what no balance message has."""
    more = [f"{path}{name}" for name in found if name not in fields]
    for name, inner in fields.items():
        part = found.get(name)
        if isinstance(inner, Mapping) and isinstance(part, Mapping):
            more += _more(f"{path}{name}.", part, inner)
    return more


def _number(value: object) -> object:
    """Return a number as it is, nothing of any other kind: pages call `toFixed` on it.

    Minus nothing is no amount either: a page may show the sign.
    """
    if type(value) not in (int, Decimal) or (value == 0 and str(value).startswith("-")):
        return None
    return value


def _attributes(frame: object) -> dict[str, object]:
    """Return a frame that was written down and has no words of its own any more."""
    return {
        "user": getattr(frame, "user_id", None),
        "version": getattr(frame, "version", None),
        "since": getattr(frame, "since", None),
        "uni": amount(getattr(frame, "uni", "NaN")),
        "ton": amount(getattr(frame, "ton", "NaN")),
        "change_uni": amount(getattr(frame, "change_uni", "NaN")),
        "change_ton": amount(getattr(frame, "change_ton", "NaN")),
        "sources": list(getattr(frame, "sources", ())),
    }


def frames_expected(
    effects: Sequence[Effect], *, subject: int, truth: Truth, record: Record, seen: int
) -> list[object]:
    """Return the frames that should have been, one for each that was, and one if one lacks.

    A frame is right if it says, at the version that it names, what the transactions since
    the page's version add up to. Whatever the database held after the last call must have
    been said by the end.
    """
    wanted: list[object] = []
    shown, owed = record.base, record.owed
    for effect in effects:
        version = getattr(effect.payload, "version", None)
        before = record.before.get(id(effect.payload), shown)
        put_right = owed and version == before
        if not isinstance(version, int) or not (
            put_right or _is_due(effect, version, before, record)
        ):
            continue
        wanted.append(_frame(subject, truth, since=before, version=version))
        shown, owed = version, False
    if shown is None or shown < seen or owed:
        wanted.append(_frame(subject, truth, since=shown, version=max(seen, shown or 0)))
    return wanted


def _is_due(effect: Effect, version: int, before: int | None, record: Record) -> bool:
    """Whether a page that knows the version `before` has to be shown this one."""
    if before is None or version > before:
        return True
    return version == before and id(effect.payload) in record.misled


def _frame(subject: int, truth: Truth, *, since: int | None, version: int) -> dict[str, object]:
    """Return the frame that takes a page from `since` to `version`; None is a blank page."""
    at = next((booked for booked in truth.transactions if booked.version == version), None)
    covered = (
        []
        if since is None
        else [booked for booked in truth.transactions if since < booked.version <= version]
    )
    known = at is not None or version == truth.version
    uni, ton = (at.uni_after, at.ton_after) if at is not None else (truth.uni, truth.ton)
    return {
        "user": subject,
        "version": version if known else None,
        "since": since,
        "uni": amount(uni),
        "ton": amount(ton),
        "change_uni": _sum(covered, "UNI"),
        "change_ton": _sum(covered, "TON"),
        "sources": list(dict.fromkeys(booked.source for booked in covered)),
    }


def _sum(transactions: Sequence[Booked], currency: str) -> Decimal:
    return sum(
        (booked.amount for booked in transactions if booked.currency == currency), NOTHING
    ).quantize(SIX_PLACES)
