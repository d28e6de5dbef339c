"""Why a user's calls go where they go, and what reached the user's page last."""

from typing import Any

from shim.connections import CanonicalView, LegacyView
from shim.migration import Migration
from shim.router import Router
from shim.sides import Side


def explain(migration: Migration, user_id: int) -> dict[str, Any]:
    """Return side, reason, bucket, flag revision, latch and connections as plain data."""
    entries = migration.book.entries(user_id)
    return {
        **explain_route(migration, user_id),
        "connections": [
            _connection(canonical, [entry.legacy for entry in entries])
            for canonical in {entry.canonical.id: entry.canonical for entry in entries}.values()
        ],
    }


def explain_route(router: Router, user_id: int) -> dict[str, Any]:
    """Return the same of any migration, which need not have connections."""
    table = router.table
    route = table.route(user_id)
    return {
        "user": user_id,
        "stage": str(table.stage),
        "side": str(Side.CANONICAL if route.canonical else Side.LEGACY),
        "reason": "rolled_back" if route.rolled_back else str(route.decision.reason),
        "bucket": route.decision.bucket,
        "flag_revision": route.decision.flag_version,
        "flag_source": route.decision.source,
        "flags_stale": route.decision.stale,
        "flags_age_s": _seconds(route.decision.seen.age_s),
        "sampled": route.shadows,
        "latch": {
            "engaged": table.latch.engaged,
            "epoch": table.latch.epoch,
            "who": table.latch.who,
            "why": table.latch.why,
        },
    }


def _seconds(age: float | None) -> float | None:
    return None if age is None else round(age, 1)


def _connection(canonical: CanonicalView, legacies: list[LegacyView]) -> dict[str, object]:
    views = [canonical, *(view for view in legacies if view.id == canonical.id)]
    last = max(views, key=lambda view: view.last_frame)
    return {
        "id": canonical.id,
        "open": canonical.is_open,
        "last_version": canonical.base_version,
        "last_sent_by": str(last.side) if last.last_frame else None,
    }
