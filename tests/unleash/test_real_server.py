"""A change in a real Unleash, and what workers, commands and its own pages make of it."""

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from app.adapters.unleash_api import HttpUnleashApi
from flags.admin import FlagOutcomeUnknownError
from flags.decision import CANONICAL_FLAG, FARMING_INCOME, SHADOW_FLAG, FlagContext
from flags.unleash_admin import UnleashAdmin
from flags.unleash_api import UnleashUnknownError
from scripts.unleash_server import UnleashServer
from shim import facade
from tests.flags.fake_unleash import eventually
from tests.patience import patient
from tests.servers import RedisServer
from tests.unleash.conftest import Host, Relay, Start

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

Turn = Callable[..., int]


def test_setup_makes_what_is_missing_and_then_nothing(
    unleash: UnleashServer, start: Start, relay: Relay
) -> None:
    """Both flags on at 0 %, sticky on the user id, and a webhook; the second time all is there."""
    host = start()
    relay.target = host.url
    first = host.operator("unleash", "setup", "--hook", relay.url)
    assert first.exit_code == 0, first.output
    assert f"made the flag {CANONICAL_FLAG}" in first.output
    assert f"made a webhook to {relay.url}/ops/hooks/unleash" in first.output
    for flag in (CANONICAL_FLAG, SHADOW_FLAG):
        there = unleash.api.flag(flag)
        assert there is not None
        assert there.enabled
        assert [each["parameters"]["rollout"] for each in there.strategies] == ["0"]
        assert [each["parameters"]["stickiness"] for each in there.strategies] == ["userId"]
    event = unleash.api.newest_event(CANONICAL_FLAG)
    second = host.operator("unleash", "setup", "--hook", relay.url)
    assert second.exit_code == 0
    assert all("was left as it is" in line for line in second.output.splitlines())
    assert unleash.api.newest_event(CANONICAL_FLAG) == event
    eventually(lambda: host.revision >= event)
    doctor = host.operator("unleash", "doctor", "--hook", relay.url)
    assert (doctor.output, doctor.exit_code) == ("nothing is wrong\n", 0)


def test_a_change_is_applied_by_the_next_poll(at: Turn, start: Start) -> None:
    """Without a webhook: within Unleash's tick of a second and our poll of a second."""
    host = start()
    eventually(lambda: host.revision > 0)
    took = []
    for percentage in (1, 0, 1, 5):
        began = time.monotonic()
        at(percentage)
        eventually(lambda: host.percentage == percentage, within=5)  # noqa: B023 - done with at once
        took.append(time.monotonic() - began)
    assert max(took) < patient(3.5), took


@pytest.mark.redis
def test_a_webhook_hurries_every_host(
    at: Turn,
    start: Start,
    unleash: UnleashServer,
    relay: Relay,
    redis_server: RedisServer,
) -> None:
    """The host that Unleash reaches tells the other by Redis."""
    hosts = [start(notify_bus_url=redis_server.url) for _ in range(2)]
    relay.target = hosts[0].url
    made = hosts[0].operator("unleash", "setup", "--hook", relay.url)
    assert made.exit_code == 0, made.output
    unleash.restart()  # it looks for new webhooks once a minute, and at its first event
    took = []
    for percentage in (1, 0, 1, 5, 1, 0):
        passed, began = relay.passed, time.monotonic()
        revision = at(percentage)
        for host in hosts:
            eventually(lambda: host.percentage == percentage, within=5)  # noqa: B023
        took.append(time.monotonic() - began)
        eventually(lambda: relay.passed > passed, within=5)  # noqa: B023
        for host in hosts:
            eventually(lambda: host.built.parts.provider.seen_revision >= revision)  # noqa: B023
    assert hosts[0].built.parts.flag_hints.told > 0
    assert median(took) < patient(3.0), took  # one of them may meet a busy machine


def test_our_own_command_is_no_surprise_and_is_confirmed(at: Turn, start: Start) -> None:
    """`set 50` from 0 % is followed, and the command names the worker and exits 0."""
    host = start()
    done = host.operator("rollout", "set", "50", "--force", "--reason", "a leap")
    assert done.exit_code == 0, done.output
    assert "confirmed after" in done.output
    assert host.percentage == 50
    again = host.operator("rollout", "set", "50", "--force", "--reason", "a leap")
    assert again.exit_code == 0, again.output
    off = host.operator("rollout", "off")
    assert off.exit_code == 0, off.output
    assert host.percentage == 0
    on = host.operator("rollout", "set", "10", "--force", "--reason", "a leap")
    assert on.exit_code == 0, on.output
    assert host.percentage == 10
    off = host.operator("rollout", "off")  # one of both flags is off already
    assert off.exit_code == 0, off.output
    assert host.percentage == 0
    on = host.operator("rollout", "set", "10", "--force", "--reason", "a leap")
    assert on.exit_code == 0, on.output
    assert host.percentage == 10


def test_a_cohort_is_turned_in_unleash(at: Turn, start: Start) -> None:
    """A named user is served whatever the percentage, and is taken out again."""
    host = start()
    assert host.operator("rollout", "cohort", "add", "74").exit_code == 0
    assert host.built.parts.migration.serves(74)
    assert host.operator("rollout", "cohort", "list").output == "74\n"
    assert host.operator("rollout", "cohort", "remove", "74").exit_code == 0
    assert not host.built.parts.migration.serves(74)


def test_a_raise_by_hand_waits_until_it_is_confirmed(at: Turn, start: Start) -> None:
    """Users stay where they are; the status says why; `confirm` lets them through."""
    host = start()
    eventually(lambda: host.revision > 0 and host.percentage == 0)
    at(50)
    eventually(lambda: host.built.parts.provider.held)
    assert host.percentage == 0
    status = host.operator("rollout", "status")
    assert "is held back: it was raised from 0 % to 50 %" in status.output
    decision = host.built.parts.provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    assert decision.stale
    done = host.operator("rollout", "confirm", "--reason", "it was meant")
    assert done.exit_code == 0, done.output
    assert host.percentage == 50
    nothing = host.operator("rollout", "confirm")
    assert nothing.exit_code == 1
    assert "nothing of balance-notifications is held back" in nothing.output
    at(50, on=False)
    eventually(lambda: host.percentage == 0)


def test_the_last_step_by_hand_waits_for_what_is_known_and_not_meant_to_stay(
    at: Turn, start: Start
) -> None:
    """No confirmation gets past it; once it is ended, what was turned is followed by itself."""
    host = start()
    eventually(lambda: host.revision > 0 and host.percentage == 0)
    leap = ("rollout", "set", "50", "--force", "--reason", "a leap")
    assert host.operator(*leap).exit_code == 0
    rule = ("--comparison", "saying", "--path", "balance.ton", "--kind", "value")
    when = ("--until", "2036-12-31", "--reason", "an old balance")
    known = host.operator("shadow", "known", "accept", "stale-boost", *rule, *when)
    assert known.exit_code == 0, known.output
    at(100)
    eventually(lambda: host.built.parts.provider.held)
    assert host.percentage == 50
    refused = host.operator("rollout", "confirm", "--reason", "it was meant")
    assert refused.exit_code == 1
    assert "stale-boost is known and not meant to stay" in refused.output
    ended = host.operator("shadow", "known", "end", "stale-boost", "--reason", "repaired")
    assert ended.exit_code == 0, ended.output
    eventually(lambda: host.percentage == 100)


def test_each_migration_is_confirmed_by_its_name(at: Turn, start: Start) -> None:
    """Both are held back; confirming one moves that one, although the other still waits."""
    host = start()
    income = FARMING_INCOME.canonical
    eventually(lambda: host.revision > 0 and host.percentage == 0)
    at(50)
    at(100, flag=income)
    eventually(lambda: len(host.built.parts.provider.held) == 2)

    def reached() -> int:
        definition = host.built.parts.provider.state.definition(income)
        return 0 if definition is None else definition.percentage

    done = host.operator("rollout", "confirm", "--migration", "farming-income")
    assert done.exit_code == 0, done.output
    assert (host.percentage, reached()) == (0, 100)
    nothing = host.operator("rollout", "confirm", "--migration", "farming-income")
    assert "nothing of farming-income is held back" in nothing.output
    assert host.operator("rollout", "confirm").exit_code == 0
    assert (host.percentage, reached()) == (50, 100)


def test_a_raise_of_another_migration_that_waits_keeps_no_command_from_being_confirmed(
    at: Turn, start: Start
) -> None:
    """Only the flag that was changed is judged; what else waits is said, with what to do."""
    host = start()
    eventually(lambda: host.revision > 0 and host.percentage == 0)
    at(100, flag=FARMING_INCOME.canonical)
    eventually(lambda: host.built.parts.provider.held)
    done = host.operator("rollout", "set", "1")
    assert done.exit_code == 0, done.output
    assert host.percentage == 1
    assert "confirmed after" in done.output
    assert f'flag "{FARMING_INCOME.canonical}" is held back' in done.output
    assert "flask rollout confirm --migration farming-income" in done.output
    off = host.operator("rollout", "off")
    assert off.exit_code == 0, off.output
    assert host.percentage == 0


def test_the_doctor_finds_what_is_wrong(at: Turn, start: Start, unleash: UnleashServer) -> None:
    """Stickiness, a rollout that is no number, the webhook and a token, each by its name."""
    host = start(unleash_client_token="default:development.not-a-token-of-it")
    there = unleash.api.flag(CANONICAL_FLAG)
    assert there is not None
    strategy = there.strategies[0]
    strategy["parameters"] |= {"rollout": "abc", "stickiness": "default"}
    unleash.api.replace_strategy(CANONICAL_FLAG, strategy["id"], strategy)
    unleash.api.remove_strategy(SHADOW_FLAG, unleash.api.flag(SHADOW_FLAG).strategies[0]["id"])  # type: ignore[union-attr]
    found = host.operator("unleash", "doctor", "--hook", "http://127.0.0.1:9")
    assert found.exit_code == 1
    for words in (
        "UNLEASH_CLIENT_TOKEN may not read flags (HTTP 401)",
        "stickiness is 'default'",
        f"the flag {SHADOW_FLAG} has no strategy",
        "there is no webhook to http://127.0.0.1:9/ops/hooks/unleash",
        "http://127.0.0.1:9/ops/hooks/unleash cannot be reached",
    ):
        assert words in found.output
    strategy["parameters"] |= {"stickiness": "userId"}
    unleash.api.replace_strategy(CANONICAL_FLAG, strategy["id"], strategy)
    assert "rollout 'abc'" in host.operator("unleash", "doctor").output
    mended = host.operator("unleash", "setup")
    assert f"gave the flag {SHADOW_FLAG}" in mended.output


def test_usage_shows_on_unleashs_own_page(at: Turn, start: Start, unleash: UnleashServer) -> None:
    """Calls are counted by who served them, and arrive as they were when the worker leaves."""
    host = start()
    host.operator("rollout", "cohort", "add", "74")
    facade.install(host.built.parts.migration)
    for user in (74, 74, 22, 22, 22):
        facade.UserIdOnlyFacade.get_instance().notify_balance_update(user)
    host.built.parts.provider.stop()

    def counted() -> tuple[int, int]:
        path = f"/api/admin/client-metrics/features/{CANONICAL_FLAG}"
        hours = unleash.api.ask("GET", path)["lastHourUsage"]
        return sum(hour["yes"] for hour in hours), sum(hour["no"] for hour in hours)

    eventually(lambda: counted() == (2, 3), within=30)


class Unanswered:
    """The admin API, whose next answers are lost on the way although the call is carried out.

    With `lost` below zero the calls are lost on the way there.
    """

    def __init__(self, api: HttpUnleashApi, *, lost: int) -> None:
        self._api = api
        self._lost = lost

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._api, name)
        if name not in ("replace_strategy", "add_strategy", "switch"):
            return call

        def lose(*arguments: Any, **named: Any) -> None:
            if self._lost >= 0:
                call(*arguments, **named)
            if self._lost:
                self._lost -= 1 if self._lost > 0 else -1
                raise UnleashUnknownError("nobody answered")

        return lose


@pytest.mark.parametrize("lost", [1, -1], ids=["the answer", "the question"])
def test_a_call_without_an_answer_is_settled_before_it_is_said(
    at: Turn, start: Start, unleash: UnleashServer, lost: int
) -> None:
    """Carried out or not: it is read back, and what is reported is what Unleash holds."""
    host = start()
    parts = host.built.parts
    admin = UnleashAdmin(Unanswered(unleash.api, lost=lost), targets=parts.targets)
    change = admin.set_percentage(CANONICAL_FLAG, 50)
    assert change.revision == unleash.api.newest_event(CANONICAL_FLAG)
    there = unleash.api.flag(CANONICAL_FLAG)
    assert there is not None
    assert [each["parameters"]["rollout"] for each in there.strategies] == ["50"]
    eventually(lambda: host.percentage == 50)


def test_a_call_that_cannot_be_settled_is_unknown_and_stays_authorised(
    at: Turn, start: Start, unleash: UnleashServer
) -> None:
    """Neither done nor failed; should Unleash carry it out later, workers follow."""
    host = start()
    eventually(lambda: host.revision > 0)
    parts = host.built.parts
    now = itertools.count(step=3.0)
    admin = UnleashAdmin(
        Unanswered(unleash.api, lost=-100),
        targets=parts.targets,
        monotonic=lambda: next(now),
        sleep=lambda _: None,
    )
    with pytest.raises(FlagOutcomeUnknownError, match="unknown: whether"):
        admin.set_percentage(CANONICAL_FLAG, 50)
    at(50)
    eventually(lambda: host.percentage == 50)


def test_an_operator_without_a_server_is_told_that_nothing_was_changed(
    at: Turn, start: Start
) -> None:
    """Refused connections are no unknown: nothing was done, and the message says so."""
    host = start()
    away = Host(replace(host.built.parts.settings, unleash_url="http://127.0.0.1:9"))
    failed = away.run("rollout", "set", "5", "--force", "--reason", "a leap")
    assert failed.exit_code == 1
    assert "nothing was changed: http://127.0.0.1:9 cannot be reached" in failed.output
    doctor = away.run("unleash", "doctor")
    assert doctor.exit_code == 3
    assert "cannot be reached" in doctor.output
    away.built.parts.database.dispose()
