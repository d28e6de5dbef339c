"""Unleash's engine, which evaluates our flags, against Unleash's own public specification.

The specification comes from npm with the server for the tests. Most of it is about what our flags
may not say, so its flags are refused in our place; the engine itself is asked all of it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from yggdrasil_engine.engine import UnleashEngine

from flags.decision import CANONICAL_FLAG, SHADOW_FLAG, FlagContext
from flags.definition import BUCKETS, bucket_of
from flags.embedded import EmbeddedProvider
from flags.user_id import InvalidUserIdError, user_id_of
from scripts.servers import SERVERS

FOLDER = SERVERS / "unleash/node_modules/@unleash/client-specification/specifications"

needs_specification = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="no specification of Unleash's clients: `make test` installs it"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One question of the specification; `feature` is None where it has no such flag."""

    where: str
    state: str
    flag: str
    feature: dict[str, Any] | None
    context: dict[str, Any]
    expected: bool


def cases() -> Iterator[Case]:
    """Yield every question whether a flag is on, of every file."""
    for name in json.loads((FOLDER / "index.json").read_text(encoding="utf-8")):
        content = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        state = content["state"]
        features = {each["name"]: each for each in state.get("features", [])}
        for test in content.get("tests", []):
            flag = test["toggleName"]
            yield Case(
                f"{name}: {test['description']}",
                json.dumps(state),
                flag,
                features.get(flag),
                test["context"],
                test["expectedResult"],
            )


def in_our_place(feature: dict[str, Any]) -> str:
    """Return a body in which the flag has our name, and the groups that it would have had."""
    strategies = [
        {**each, "parameters": {"groupId": feature["name"], **(each.get("parameters") or {})}}
        for each in feature.get("strategies") or []
    ]
    renamed = {**feature, "name": CANONICAL_FLAG, "strategies": strategies}
    return json.dumps({"version": 2, "features": [renamed]})


@needs_specification
def test_the_engine_answers_every_question_as_the_specification_says() -> None:
    """It is the one by which our flags are decided, in the version that is pinned."""
    wrong, asked = [], 0
    for case in cases():
        engine = UnleashEngine()
        engine.take_state(case.state)
        answer = engine.check_enabled(case.flag, case.context).is_enabled
        wrong += [] if answer is case.expected else [case.where]
        asked += 1
    assert (wrong, asked) == ([], 227)


@needs_specification
def test_nothing_in_our_place_is_taken_to_mean_something_else(tmp_path: Path) -> None:
    """Our two flags may say little: nearly all of it is refused, and what is not is answered."""
    became: Counter[str] = Counter()
    path = tmp_path / "flags.json"
    for case in cases():
        if case.feature is None:
            continue
        path.write_text(in_our_place(case.feature), encoding="utf-8")
        provider = EmbeddedProvider(path)
        provider.start()
        if provider.problem is not None:
            assert not provider.ready
            became["refused"] += 1
            continue
        try:
            user = user_id_of(case.context.get("userId"))
        except InvalidUserIdError:
            became["nobody"] += 1  # such a call is never asked about
            continue
        decision = provider.state.decide(CANONICAL_FLAG, FlagContext(user))
        assert decision.value is case.expected, case.where
        became["answered"] += 1
    assert became == {"refused": 214, "nobody": 6, "answered": 1}


@cache
def users_by_bucket(group: str) -> dict[int, list[int]]:
    """Return a few users of each bucket: small ids, and the largest that there are."""
    found: dict[int, list[int]] = {bucket: [] for bucket in range(1, BUCKETS + 1)}
    for user in (*range(1, 600), *range(2**31 - 300, 2**31 + 300), *range(2**53 - 600, 2**53)):
        found[bucket_of(group, user)].append(user)
    return found


@pytest.mark.parametrize("group", [CANONICAL_FLAG, SHADOW_FLAG, "a group of somebody's, ünïcode"])
def test_our_buckets_are_those_of_the_engine(group: str) -> None:
    """At each percentage it lets through just whom ours puts into a bucket up to that."""
    users = users_by_bucket(group)
    assert all(users.values())
    for percentage in range(BUCKETS + 1):
        parameters = {"rollout": str(percentage), "stickiness": "userId", "groupId": group}
        strategy = {"name": "flexibleRollout", "parameters": parameters}
        feature = {"name": "flag", "enabled": True, "strategies": [strategy]}
        engine = UnleashEngine()
        engine.take_state(json.dumps({"version": 2, "features": [feature]}))
        # The buckets on both sides of the line, and those at both ends.
        for bucket in {1, BUCKETS, max(percentage, 1), min(percentage + 1, BUCKETS)}:
            for user in users[bucket]:
                answer = engine.check_enabled("flag", {"userId": str(user)})
                assert answer.is_enabled is (bucket <= percentage), (percentage, bucket, user)
