"""Bodies of flags for the tests: right ones, and every kind of wrong one."""

import json
from collections.abc import Callable
from typing import Any

from flags.body import flag_body, flag_feature
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG

Body = dict[str, Any]


def good_body(*, canonical: int = 0, shadow: int = 0, revision: int = 1) -> str:
    """Return a body with both flags at the given percentages."""
    features = [
        flag_feature(CANONICAL_FLAG, percentage=canonical),
        flag_feature(SHADOW_FLAG, percentage=shadow),
    ]
    return flag_body(revision, features)


def altered(alter: Callable[[Body], object], *, canonical: int = 50) -> str:
    """Return a good body after `alter` changed it."""
    body: Body = json.loads(good_body(canonical=canonical))
    alter(body)
    return json.dumps(body)


def strategy_of(body: Body) -> Body:
    """Return the first strategy of the canonical flag."""
    strategy: Body = body["features"][0]["strategies"][0]
    return strategy


def _parameter(name: str, value: object) -> str:
    return altered(lambda body: strategy_of(body)["parameters"].update({name: value}))


def _constraint(**fields: object) -> str:
    constraint = {"contextName": "userId", "operator": "IN", "values": ["7"], **fields}
    return altered(lambda body: strategy_of(body).update(constraints=[constraint]))


def _strategy(**fields: object) -> str:
    return altered(lambda body: strategy_of(body).update(fields))


def _feature(**fields: object) -> str:
    return altered(lambda body: body["features"][0].update(fields))


BAD_BODIES: dict[str, tuple[str, str]] = {
    "empty": ("", "it is empty"),
    "blank": (" \n ", "it is empty"),
    "half written": (good_body()[:120], "it is not JSON"),
    "html": ("<!DOCTYPE html><html><body>502</body></html>", "it begins '<!DOCTYPE html"),
    "yaml": ("flags:\n  canonical: 50\n", "it is not JSON"),
    "byte order mark": ("\ufeff" + good_body(), "it is not JSON"),
    "too deep": ("[" * 100_000, "it is not JSON"),
    "a list": ("[]", "it is [], not a JSON object"),
    "a number": ("50", "it is 50, not a JSON object"),
    "no version": (altered(lambda body: body.pop("version")), '"version" is missing'),
    "another version": (altered(lambda body: body.update(version=7)), '"version" is 7'),
    "true for a version": (altered(lambda body: body.update(version=True)), '"version" is True'),
    "another format": ('{"version": 2, "flags": {"a": 50}}', '"features" is missing'),
    "features an object": ('{"version": 2, "features": {}}', '"features" is {}'),
    "a feature that is a text": ('{"version": 2, "features": ["a"]}', "'a' is not a flag"),
    "a feature without a name": ('{"version": 2, "features": [{}]}', "{} is not a flag"),
    "meta a text": (altered(lambda body: body.update(meta="x")), "\"meta.revisionId\" is 'x'"),
    "revision a text": (
        altered(lambda body: body["meta"].update(revisionId="5")),
        "\"meta.revisionId\" is '5'",
    ),
    "revision below zero": (
        altered(lambda body: body["meta"].update(revisionId=-1)),
        '"meta.revisionId" is -1',
    ),
    "a flag twice": (
        altered(lambda body: body["features"].append(body["features"][0])),
        f'flag "{CANONICAL_FLAG}" is there twice',
    ),
    "enabled a text": (_feature(enabled="yes"), "\"enabled\" is 'yes'"),
    "enabled missing": (altered(lambda b: b["features"][0].pop("enabled")), '"enabled" is missing'),
    "a parent": (_feature(dependencies=[{"feature": "parent"}]), "depends on another flag"),
    "no strategy": (_feature(strategies=[]), "which Unleash takes for 100 %"),
    "strategies missing": (_feature(strategies=None), "which Unleash takes for 100 %"),
    "two percentages": (
        altered(lambda body: body["features"][0]["strategies"].append(strategy_of(body))),
        "has 2 strategies for everybody",
    ),
    "a strategy that is a text": (_feature(strategies=["on"]), "strategy 1 is 'on'"),
    "another strategy": (_strategy(name="userWithId"), "strategy 1 is 'userWithId'"),
    "a segment": (_strategy(segments=[1]), "uses segments"),
    "a disabled strategy": (_strategy(disabled=True), "is disabled"),
    "parameters missing": (_strategy(parameters=None), "parameters are missing"),
    "sticky at random": (_parameter("stickiness", "random"), "stickiness is 'random'"),
    "sticky by default": (_parameter("stickiness", None), "stickiness is missing"),
    "rollout a number": (_parameter("rollout", 50), "rollout 50"),
    "rollout above 100": (_parameter("rollout", "150"), "rollout '150'"),
    "rollout below 0": (_parameter("rollout", "-1"), "rollout '-1'"),
    "rollout a word": (_parameter("rollout", "abc"), "rollout 'abc'"),
    "rollout empty": (_parameter("rollout", ""), "rollout ''"),
    "rollout a fraction": (_parameter("rollout", "12.5"), "rollout '12.5'"),
    "rollout with a zero": (_parameter("rollout", "050"), "rollout '050'"),
    "rollout with a space": (_parameter("rollout", "50\n"), "rollout '50\\n'"),
    "rollout in other digits": (_parameter("rollout", "\u0665\u0660"), "rollout '\\u0665"),
    "rollout true": (_parameter("rollout", True), "rollout True"),
    "rollout missing": (_parameter("rollout", None), "rollout missing"),
    "group empty": (_parameter("groupId", ""), "groupId is ''"),
    "group a lone surrogate": (_parameter("groupId", "\ud800"), "groupId is '\\ud800'"),
    "group with a quote": (_parameter("groupId", 'a"b'), "groupId is 'a\"b'"),
    "group with a backslash": (_parameter("groupId", "a\\b"), "groupId is 'a\\\\b'"),
    "group a number": (_parameter("groupId", 5), "groupId is 5"),
    "two constraints": (_strategy(constraints=[{}, {}]), "constraints are [{}, {}]"),
    "constraints an object": (_strategy(constraints={"a": 1}), "constraints are {'a': 1}"),
    "constraint on another field": (_constraint(contextName="appName"), "only userId IN"),
    "constraint by another operator": (_constraint(operator="NOT_IN"), "only userId IN"),
    "constraint inverted": (_constraint(inverted=True), "only userId IN"),
    "constraint without values": (_constraint(values=None), "values are missing"),
    "constraint on numbers": (_constraint(values=[7]), "values are [7]"),
    "constraint on nobody's id": (_constraint(values=["07"]), "'07' is not a user id"),
}
"""Body and what its refusal must say, by what is wrong with it."""
