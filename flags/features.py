"""Reading a body in Unleash's client-features format, and refusing what is not safe to apply.

Unleash's engine keeps its old state in silence when it is given most kinds of nonsense, and
takes a percentage that is none ("150", "abc") for 0. So a body is read here first, and only
what holds is handed on. The flags of a migration may say this much, and no more:

- `flexibleRollout` sticky on `userId`, with a whole percentage written as a string;
- at most one such strategy for everybody, and any number limited by one user-id constraint.

Flags of other names belong to somebody else and are passed over.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flags.decision import FLAG_NAMES
from flags.definition import FlagDefinition, bucket_of
from flags.percentage import InvalidPercentageError, percentage_of
from flags.user_id import InvalidUserIdError, user_id_of

FORMAT_VERSIONS = (1, 2)

_GROUP_ID = re.compile(r"[A-Za-z0-9._:/-]+")


class FlagFormatError(ValueError):
    """A body of flags is not one that can be applied: the message says where and why."""


@dataclass(frozen=True, slots=True)
class Features:
    """The flags of one body.

    `revision` is Unleash's own number for the state, 0 when the body carries none.
    `engine_body` is the JSON to hand to Unleash's engine: these flags and nothing else.
    """

    revision: int
    definitions: Mapping[str, FlagDefinition]
    engine_body: str


@dataclass(frozen=True, slots=True)
class Body:
    """A body whose frame was read; its flags are as they were sent, and not yet judged."""

    version: int
    revision: int
    flags: Mapping[str, dict[str, Any]]


def parse_features(text: str) -> Features:
    """Read a client-features body. Raises `FlagFormatError`."""
    body = read_body(text)
    definitions = {name: definition_of(feature) for name, feature in body.flags.items()}
    engine_features = [_for_engine(feature) for feature in body.flags.values()]
    return Features(
        revision=body.revision,
        definitions=definitions,
        engine_body=json.dumps({"version": body.version, "features": engine_features}),
    )


def read_body(text: str) -> Body:
    """Read the frame of a client-features body. Raises `FlagFormatError`."""
    body = _json_object(text)
    version = body.get("version")
    if type(version) is not int or version not in FORMAT_VERSIONS:
        raise FlagFormatError(
            f'"version" is {_shown(version)}: this is not Unleash\'s client-features format,'
            " which has the number 2 there"
        )
    listed = body.get("features")
    if type(listed) is not list:
        raise FlagFormatError(f'"features" is {_shown(listed)}: give a list of flags')
    return Body(version, _revision(body), _ours(listed))


def _json_object(text: str) -> dict[str, Any]:
    """Return the JSON object that `text` is."""
    if not text.strip():
        raise FlagFormatError("it is empty: it holds no flags")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FlagFormatError(f"it is not JSON ({error}); it begins {_shown(text)}") from error
    if type(body) is not dict:
        raise FlagFormatError(f"it is {_shown(body)}, not a JSON object")
    return body


def _revision(body: dict[str, Any]) -> int:
    """Return `meta.revisionId`, 0 when there is none."""
    meta = body.get("meta", {})
    revision = meta.get("revisionId", 0) if type(meta) is dict else meta
    if type(revision) is not int or revision < 0:
        raise FlagFormatError(
            f'"meta.revisionId" is {_shown(revision)}: give a whole number that grows with'
            " each change"
        )
    return revision


def _ours(listed: list[Any]) -> dict[str, dict[str, Any]]:
    """Return the migrations' own flags by name, among those listed."""
    ours: dict[str, dict[str, Any]] = {}
    for feature in listed:
        if type(feature) is not dict or type(feature.get("name")) is not str:
            raise FlagFormatError(f"{_shown(feature)} is not a flag: it has no name")
        name = feature["name"]
        if name in ours:
            raise FlagFormatError(f'flag "{name}" is there twice: leave one')
        if name in FLAG_NAMES:
            ours[name] = feature
    return ours


def _for_engine(feature: dict[str, Any]) -> dict[str, Any]:
    """Return the flag as the engine gets it.

    A flag that is off reaches nobody, so its strategies are left out: they cannot then keep
    the switching off from being applied.
    """
    return feature if feature["enabled"] else {**feature, "strategies": []}


def definition_of(feature: dict[str, Any]) -> FlagDefinition:
    """Read one of a migration's flags. Raises `FlagFormatError`."""
    name = feature["name"]
    enabled = feature.get("enabled")
    if type(enabled) is not bool:
        raise FlagFormatError(f'flag "{name}": "enabled" is {_shown(enabled)}: give true or false')
    if enabled:
        return _switched_on(feature)
    try:
        return replace(_switched_on(feature), enabled=False)
    except FlagFormatError:
        return absent(name)


def absent(name: str) -> FlagDefinition:
    """Return what a flag says that is off and holds nothing else."""
    return FlagDefinition(name, False, 0, frozenset(), name)


def _switched_on(feature: dict[str, Any]) -> FlagDefinition:
    """Read a flag's strategies."""
    name = feature["name"]
    if feature.get("dependencies"):
        raise FlagFormatError(f'flag "{name}" depends on another flag: remove its dependencies')
    strategies = feature.get("strategies")
    if type(strategies) is not list or not strategies:
        raise FlagFormatError(
            f'flag "{name}" is on and has no strategy, which Unleash takes for 100 %:'
            " add a flexibleRollout or switch it off"
        )
    return _folded(
        name,
        [
            _rule(strategy, flag=name, where=f'flag "{name}", strategy {number}')
            for number, strategy in enumerate(strategies, start=1)
        ],
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    """One strategy: a percentage of everybody, or of the users that are named."""

    percentage: int
    group_id: str
    users: frozenset[int] | None


def _folded(name: str, rules: list[_Rule]) -> FlagDefinition:
    """Fold the strategies of a flag into one definition; they open one for another."""
    general = [rule for rule in rules if rule.users is None]
    if len(general) > 1:
        raise FlagFormatError(
            f'flag "{name}" has {len(general)} strategies for everybody, so that its percentage'
            " is not one number: leave one"
        )
    cohort = frozenset(
        user
        for rule in rules
        for user in rule.users or ()
        if bucket_of(rule.group_id, user) <= rule.percentage
    )
    rest = general[0] if general else _Rule(0, name, None)
    return FlagDefinition(name, True, rest.percentage, cohort, rest.group_id)


def _rule(strategy: Any, *, flag: str, where: str) -> _Rule:
    """Read one strategy; `where` names it in messages."""
    if type(strategy) is not dict or strategy.get("name") != "flexibleRollout":
        kind = strategy.get("name") if type(strategy) is dict else strategy
        raise FlagFormatError(f"{where} is {_shown(kind)}: only flexibleRollout is applied")
    if strategy.get("segments") or strategy.get("disabled"):
        raise FlagFormatError(f"{where} uses segments or is disabled: remove them, or remove it")
    parameters = strategy.get("parameters")
    if type(parameters) is not dict:
        raise FlagFormatError(f"{where}: parameters are {_shown(parameters)}: give an object")
    stickiness = parameters.get("stickiness")
    if stickiness != "userId":
        raise FlagFormatError(f'{where}: stickiness is {_shown(stickiness)}: it must be "userId"')
    return _Rule(
        percentage=_percentage(parameters.get("rollout"), where=where),
        group_id=_group_id(parameters.get("groupId", flag), where=where),
        users=_users(strategy.get("constraints", []), where=where),
    )


def _percentage(rollout: Any, *, where: str) -> int:
    """Read a percentage as Unleash writes it."""
    try:
        return percentage_of(rollout)
    except InvalidPercentageError as error:
        raise FlagFormatError(f'{where}: rollout {error}, as a string such as "25"') from error


def _group_id(group_id: Any, *, where: str) -> str:
    """Read the text that users are bucketed within.

    The engine compiles it into a rule without escaping, so that a quote or a backslash
    would put users into other buckets than the formula's.
    """
    if type(group_id) is not str or not _GROUP_ID.fullmatch(group_id):
        raise FlagFormatError(
            f"{where}: groupId is {_shown(group_id)}: give a name of letters, digits and -_.:/"
        )
    return group_id


def _users(constraints: Any, *, where: str) -> frozenset[int] | None:
    """Read the users that a strategy is limited to, None when it is for everybody."""
    if constraints == []:
        return None
    if type(constraints) is not list or len(constraints) != 1 or type(constraints[0]) is not dict:
        raise FlagFormatError(
            f"{where}: constraints are {_shown(constraints)}: give none, or one on userId"
        )
    constraint = constraints[0]
    field, operator = constraint.get("contextName"), constraint.get("operator")
    if (field, operator) != ("userId", "IN") or constraint.get("inverted"):
        raise FlagFormatError(
            f"{where}: the constraint is {_shown(constraint)}: only userId IN, not inverted,"
            " is applied"
        )
    values = constraint.get("values")
    if type(values) is not list or not all(type(value) is str for value in values):
        raise FlagFormatError(f"{where}: values are {_shown(values)}: give user ids as strings")
    try:
        return frozenset(user_id_of(value) for value in values)
    except InvalidUserIdError as error:
        raise FlagFormatError(f"{where}: the constraint names {error}") from error


def _shown(value: object) -> str:
    """Return `value` for a message: plain ASCII, on one line, never long."""
    text = "missing" if value is None else ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
