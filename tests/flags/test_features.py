"""Reading a body of flags: what it says, and what is refused with which words."""

import json

import pytest

from flags.body import flag_body, flag_feature, flag_strategy
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.definition import FlagDefinition, bucket_of
from flags.features import FlagFormatError, parse_features
from tests.flags.bodies import BAD_BODIES, altered, good_body, strategy_of


def test_a_body_is_read_as_it_was_written() -> None:
    """Revision, percentage, cohort and group come back as they were put in."""
    body = flag_body(41, [flag_feature(CANONICAL_FLAG, percentage=25, cohort=[9, 7])])
    features = parse_features(body)
    assert features.revision == 41
    assert features.definitions == {
        CANONICAL_FLAG: FlagDefinition(CANONICAL_FLAG, True, 25, frozenset({7, 9}), CANONICAL_FLAG)
    }


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_body_is_refused_and_told_why(case: str) -> None:
    """Every kind of nonsense is refused by name, in one short line of plain text."""
    body, words = BAD_BODIES[case]
    with pytest.raises(FlagFormatError) as refusal:
        parse_features(body)
    message = str(refusal.value)
    assert words in message
    assert message.isascii()
    assert "\n" not in message
    assert len(message) < 300


def test_a_flag_that_is_off_needs_no_sensible_strategy() -> None:
    """Switching off is never held up by what else is wrong with the flag."""

    def spoil_and_switch_off(body: dict) -> None:
        strategy_of(body)["parameters"]["rollout"] = 50
        body["features"][0]["enabled"] = False

    definition = parse_features(altered(spoil_and_switch_off)).definitions[CANONICAL_FLAG]
    assert definition.reaches_nobody


def test_flags_of_others_are_passed_over() -> None:
    """A flag by another name may say what it likes."""
    other = {"name": "somebody-elses", "enabled": True, "strategies": [{"name": "remoteAddress"}]}
    body = altered(lambda body: body["features"].append(other))
    assert set(parse_features(body).definitions) == {CANONICAL_FLAG, SHADOW_FLAG}


def test_a_body_without_meta_has_revision_zero() -> None:
    """A file written by hand may leave the revision out."""
    assert parse_features(altered(lambda body: body.pop("meta"))).revision == 0


def test_a_constraint_with_a_percentage_reaches_that_part_of_its_users() -> None:
    """A cohort is who the constraint really lets through, not who is merely named."""
    users = range(1, 201)
    limited = flag_strategy("a-group", percentage=30, users=users)
    body = altered(lambda body: body["features"][0].update(strategies=[limited]))
    definition = parse_features(body).definitions[CANONICAL_FLAG]
    assert definition.percentage == 0
    assert definition.cohort == {user for user in users if bucket_of("a-group", user) <= 30}


def test_a_constraint_that_names_nobody_reaches_nobody() -> None:
    """An empty list of values is not 'no constraint'."""
    limited = flag_strategy("a-group", percentage=100, users=[])
    body = altered(lambda body: body["features"][0].update(strategies=[limited]))
    assert parse_features(body).definitions[CANONICAL_FLAG].reaches_nobody


def test_the_engine_gets_our_flags_only() -> None:
    """Nothing of other flags can make the engine refuse ours."""
    other = {"name": "somebody-elses", "enabled": "nonsense"}
    body = altered(lambda body: body["features"].append(other))
    handed_on = json.loads(parse_features(body).engine_body)
    assert [feature["name"] for feature in handed_on["features"]] == [CANONICAL_FLAG, SHADOW_FLAG]


def test_a_written_body_is_readable_text() -> None:
    """The file is for people too: indented, and it ends in a newline."""
    assert good_body().startswith('{\n  "version": 2')
    assert good_body().endswith("}\n")
