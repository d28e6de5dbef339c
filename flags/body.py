"""Writing flags in Unleash's client-features format."""

import json
from collections.abc import Collection, Sequence
from typing import Any


def flag_feature(
    name: str,
    *,
    percentage: int,
    cohort: Collection[int] = (),
    enabled: bool = True,
    group_id: str | None = None,
) -> dict[str, Any]:
    """Return one flag: `percentage` of everybody (0..100) and the users of `cohort`.

    The group id is the flag's own name unless it is given, so that two flags reach
    independent samples.
    """
    group = group_id or name
    strategies = [flag_strategy(group, percentage=percentage)]
    if cohort:
        strategies.append(flag_strategy(group, percentage=100, users=cohort))
    return {
        "name": name,
        "type": "release",
        "project": "default",
        "enabled": enabled,
        "strategies": strategies,
    }


def flag_strategy(
    group_id: str, *, percentage: int, users: Collection[int] | None = None
) -> dict[str, Any]:
    """Return one gradual rollout by user id, limited to `users` unless that is None."""
    constraint = {
        "contextName": "userId",
        "operator": "IN",
        "values": [str(user) for user in sorted(users or ())],
        "inverted": False,
        "caseInsensitive": False,
    }
    return {
        "name": "flexibleRollout",
        "parameters": {"rollout": str(percentage), "stickiness": "userId", "groupId": group_id},
        "constraints": [] if users is None else [constraint],
    }


def flag_body(revision: int, features: Sequence[dict[str, Any]]) -> str:
    """Return the whole body as text, readable and ending in a newline."""
    body = {"version": 2, "meta": {"revisionId": revision}, "features": list(features)}
    return json.dumps(body, indent=2) + "\n"
