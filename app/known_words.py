"""Known divergences in words and in JSON, and which of them hold."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from shim.shadow.known import KnownDivergence


def active(known: Iterable[KnownDivergence]) -> list[KnownDivergence]:
    """Return those that excuse something now."""
    now = datetime.now(UTC)
    return [each for each in known if each.is_active(now)]


def words(known: KnownDivergence) -> str:
    """Return a known divergence in one line."""
    return entry_words(known_json(known, None))


def entry_words(entry: dict[str, Any]) -> str:
    """Return in one line what `known_json` returned."""
    where = entry["fingerprint"] or f"{entry['path']} {entry['kind']}"
    until = entry["until"][:16] if entry["until"] else "the end of the migration"
    stays = ", meant to stay" if entry["stays"] else ""
    return f"{entry['id']} ({entry['comparison']} {where}), {entry['owner']}, until {until}{stays}"


def known_json(known: KnownDivergence, hits: int | None) -> dict[str, Any]:
    """Return a known divergence in JSON's types; `hits` is None while nobody can say."""
    rule = known.rule
    return {
        "id": known.id,
        "comparison": rule.comparison,
        "fingerprint": rule.fingerprint,
        "path": rule.path,
        "kind": rule.kind,
        "owner": known.owner,
        "reason": known.reason,
        "until": None if known.until is None else known.until.isoformat(),
        "stays": known.stays,
        "active": bool(active([known])),
        "hits": hits,
    }


def known_lines(known: Iterable[KnownDivergence], hits: Mapping[str, int]) -> list[str]:
    """Return one line for each: who answers for it, until when, how often it was met, and why."""
    return [f"{words(each)}, met {hits.get(each.id, 0)} times: {each.reason}" for each in known]
