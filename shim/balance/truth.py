"""What the canonical ought to have said, from the transactions alone."""

import re
from collections.abc import Callable, Mapping, Sequence
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
Balances = tuple[Decimal, Decimal]
UtcAt = Callable[[float], datetime]
NOTHING = Decimal(0).quantize(SIX_PLACES)


@dataclass(frozen=True, slots=True)
class Record:
    """What a connection had been given before each canonical frame of the episode.

    `before` maps a frame (by identity) to the version that the page showed; `base` is what
    it showed at the first call. None: it was new, and is told of what came in since it came, which
    was not before version `joined`, where that is known. `misled` maps the frames
    that a page needed though it knew their version to the balances, UNI and TON, that legacy had
    shown it since; `owed` are those of a page that needs one.
    """

    base: int | None
    before: Mapping[int, int | None] = field(default_factory=dict)
    misled: Mapping[int, Balances] = field(default_factory=dict)
    owed: Balances | None = None
    joined: int | None = None


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
        if before is None:
            before = _noted(effect, record)
        misled = record.misled.get(id(effect.payload), owed)
        if not isinstance(version, int) or not _is_due(version, before, misled):
            continue
        wanted.append(_frame(subject, truth, since=before, version=version, shown=misled))
        shown, owed = version, None
    if shown is None:
        shown = record.joined
    if owed is not None or (shown is not None and shown < seen):
        version = max(seen, shown or 0)
        wanted.append(_frame(subject, truth, since=shown, version=version, shown=owed))
    return wanted


def _noted(effect: Effect, record: Record) -> int | None:
    """Return from which version on a new page is told of changes: from none before it came."""
    since = getattr(effect.payload, "since", None)
    if not isinstance(since, int):
        return None
    return since if record.joined is None else max(since, record.joined)


def _is_due(version: int, before: int | None, misled: Balances | None) -> bool:
    """Whether a page that knows the version `before` has to be shown this one."""
    if before is not None and version > before:
        return True
    return misled is not None and before in (None, version)


def _frame(
    subject: int, truth: Truth, *, since: int | None, version: int, shown: Balances | None
) -> dict[str, object]:
    """Return the frame that takes a page from `since` to `version`.

    Where that is no change, it is one from the balances that the page shows.
    """
    at = next((booked for booked in truth.transactions if booked.version == version), None)
    covered = (
        []
        if since is None
        else [booked for booked in truth.transactions if since < booked.version <= version]
    )
    known = at is not None or version == truth.version
    uni, ton = (at.uni_after, at.ton_after) if at is not None else (truth.uni, truth.ton)
    changed = _sum(covered, "UNI"), _sum(covered, "TON")
    if shown is not None and not covered:
        changed = amount(uni) - amount(shown[0]), amount(ton) - amount(shown[1])
    return {
        "user": subject,
        "version": version if known else None,
        "since": since,
        "uni": amount(uni),
        "ton": amount(ton),
        "change_uni": changed[0],
        "change_ton": changed[1],
        "sources": list(dict.fromkeys(booked.source for booked in covered)),
    }


def _sum(transactions: Sequence[Booked], currency: str) -> Decimal:
    return sum(
        (booked.amount for booked in transactions if booked.currency == currency), NOTHING
    ).quantize(SIX_PLACES)
