"""Unleash's public client specification over our flags, where its JSON files are at hand.

CLIENT_SPECIFICATION names the folder that holds its `index.json`. The specification is of all
that Unleash can do, and our two flags may say little of it. So each of its flags takes the place
of ours in turn, and must be refused, or answered as the specification says.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flags.decision import CANONICAL_FLAG, FlagContext
from flags.embedded import EmbeddedProvider
from flags.user_id import InvalidUserIdError, user_id_of

FOLDER = os.environ.get("CLIENT_SPECIFICATION")

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="set CLIENT_SPECIFICATION to the folder of the specification's JSON"
)


@dataclass(frozen=True, slots=True)
class Case:
    """One question of the specification, about a flag in our place."""

    where: str
    feature: dict[str, Any]
    context: dict[str, Any]
    expected: bool


def cases() -> Iterator[Case]:
    """Yield every question about a flag, of every file."""
    folder = Path(FOLDER or "")
    for name in json.loads((folder / "index.json").read_text(encoding="utf-8")):
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        features = {each["name"]: each for each in content.get("state", {}).get("features", [])}
        for test in content.get("tests", []):
            if test["toggleName"] in features:
                where = f"{name}: {test['description']}"
                feature = features[test["toggleName"]]
                yield Case(where, feature, test["context"], test["expectedResult"])


def in_our_place(feature: dict[str, Any]) -> str:
    """Return a body in which the flag has our name, and the groups that it would have had."""
    strategies = [
        {**each, "parameters": {"groupId": feature["name"], **(each.get("parameters") or {})}}
        for each in feature.get("strategies") or []
    ]
    renamed = {**feature, "name": CANONICAL_FLAG, "strategies": strategies}
    return json.dumps({"version": 2, "features": [renamed]})


def test_every_flag_is_refused_or_answered_as_the_specification_says(tmp_path: Path) -> None:
    """Nothing of it is taken to mean something else, and some of it is answered."""
    answered = 0
    path = tmp_path / "flags.json"
    for case in cases():
        path.write_text(in_our_place(case.feature), encoding="utf-8")
        provider = EmbeddedProvider(path)
        provider.start()
        if provider.problem is not None:
            assert not provider.ready
            continue
        try:
            user = user_id_of(case.context.get("userId"))
        except InvalidUserIdError:
            continue  # nobody: such a call is never asked about
        decision = provider.state.decide(CANONICAL_FLAG, FlagContext(user))
        assert decision.value is case.expected, case.where
        answered += 1
    assert answered
