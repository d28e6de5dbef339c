"""Flags of an Unleash server that is well, late, broken, malicious or gone."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from flags.decision import CANONICAL_FLAG, FlagContext
from flags.kept import KeptBody
from flags.targets import FileTargets
from flags.unleash import Address
from flags.unleash_feed import PROMPT_QUESTIONS, UnleashFeed
from flags.unleash_provider import START_S, UnleashProvider
from flags.usage import Answers, Usage
from tests.flags import fake_unleash as fake
from tests.flags.bodies import good_body
from tests.flags.fake_unleash import TOKEN, Answer, BlackHole, FakeUnleash, eventually
from tests.patience import patient


@pytest.fixture
def server() -> Iterator[FakeUnleash]:
    """Yield a server at 1 %, revision 10."""
    server = FakeUnleash()
    server.holds(canonical=1, shadow=100, revision=10)
    server.start()
    yield server
    server.stop()


Build = Callable[..., UnleashProvider]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Yield what builds a provider; all share one instance folder, and are stopped."""
    built: list[UnleashProvider] = []

    def build(url: str, *, token: str = TOKEN, usage: Usage | None = None) -> UnleashProvider:
        provider = UnleashProvider(
            UnleashFeed(Address(url, token), usage=usage),
            targets=FileTargets(tmp_path / "targets.json"),
            kept=KeptBody(tmp_path / "unleash.json"),
        )
        built.append(provider)
        return provider

    yield build
    for provider in built:
        provider.stop()


def percentage(provider: UnleashProvider) -> int:
    """Look, and return the percentage in use."""
    provider.poll()
    definition = provider.state.definition(CANONICAL_FLAG)
    return definition.percentage if definition is not None else 0


def test_a_change_is_followed_within_a_poll(server: FakeUnleash, build: Build) -> None:
    """Nobody hints at it: the next question, a second later, finds it."""
    provider = build(server.url)
    provider.start()
    assert (percentage(provider), provider.state.source) == (1, "unleash")
    server.holds(canonical=5, revision=11)
    eventually(lambda: percentage(provider) == 5, within=2.5)
    assert provider.state.revision == 11


def test_a_time_zone_as_posix_writes_it_keeps_no_flags_away(server: FakeUnleash) -> None:
    """`TZ=MSK-3` is none that the client's scheduler knows, nor are others; all are followed."""
    script = (
        "import sys; from flags.unleash import Address, UnleashConnection\n"
        "class Inbox:\n"
        "    def take_body(self, text): print('flags'); return True\n"
        "    def take_unchanged(self): print('unchanged')\n"
        "    def take_failure(self, why): print(why)\n"
        "UnleashConnection(Address(*sys.argv[1:]), Inbox(), register=True).ask()\n"
    )
    for zone in ("MSK-3", "<+03>-3", "Nowhere/City", ":/etc/none", "EST5EDT,M3.2.0,M11.1.0"):
        command = [sys.executable, "-c", script, server.url, TOKEN]
        environ = {**os.environ, "TZ": zone}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.stdout == "flags\n", (zone, done.stdout, done.stderr)


def test_the_server_is_told_who_asks(server: FakeUnleash, build: Build) -> None:
    """Each worker registers under the application's name and a name of its own."""
    build(server.url).start()
    assert [sent["appName"] for sent in server.registered] == ["balance-notifications"]


FAULTS: dict[str, tuple[Answer, str]] = {
    "a page": (fake.html, "cannot be applied: it is not JSON"),
    "half a body": (fake.truncated, "cannot be applied: it is not JSON"),
    "a cut connection": (fake.cut_off, "its answer cannot be read"),
    "304 for ever": (fake.not_modified, "304 (not modified) to a question for the whole"),
    "429": (fake.too_many, "it answered 429"),
    "a redirect": (fake.redirect, "it answered 302"),
    "500": (fake.failing, "it cannot be reached, or fails with 500"),
    "nothing": (fake.empty, "it answered 200 and sent nothing"),
    "another format": (fake.answering('{"version": 9}'), '"version" is 9'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_is_broken_from_the_start_is_not_ready(
    server: FakeUnleash, build: Build, fault: str
) -> None:
    """The start waits two seconds at most, says what it saw, and legacy serves."""
    server.fault, words = FAULTS[fault]
    provider = build(server.url)
    began = time.monotonic()
    provider.start()
    assert time.monotonic() - began < patient(START_S + 0.3)
    assert not provider.ready
    assert words in str(provider.problem)
    assert not provider.state.decide(CANONICAL_FLAG, FlagContext(7)).value


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_breaks_and_mends_is_followed_again(
    server: FakeUnleash, build: Build, fault: str
) -> None:
    """Nobody moves meanwhile; no broken body's ETag is sent; what came after it is followed."""
    provider = build(server.url)
    provider.start()
    server.fault = FAULTS[fault][0]
    asked = server.questions
    provider.hurry(10**9)
    eventually(lambda: server.questions >= asked + 3)
    assert percentage(provider) == 1
    server.holds(canonical=5, revision=12)
    server.fault = None
    provider.hurry(12)
    eventually(lambda: percentage(provider) == 5)
    assert (provider.problem, provider.state.stale) == (None, False)


def test_a_redirected_client_hands_its_token_to_nobody(server: FakeUnleash, build: Build) -> None:
    """It does not follow: the only questions are those that were asked of the server itself."""
    seen: list[str] = []
    server.fault = lambda handler: (seen.append(handler.path), fake.redirect(handler))[1]
    build(server.url).start()
    assert set(seen) == {"/api/client/features"}


def test_an_answer_that_drips_is_given_up(server: FakeUnleash, build: Build) -> None:
    """A byte now and then keeps nobody waiting for more than some seconds."""
    provider = build(server.url)
    provider.start()
    server.fault = fake.dripping
    eventually(lambda: provider.poll() and provider.state.stale, within=12)
    assert "Unleash has sent no flags" in str(provider.problem)
    server.fault = None
    server.holds(canonical=5, revision=11)
    eventually(lambda: percentage(provider) == 5)


@pytest.mark.parametrize("kept", [False, True], ids=["nothing kept", "flags kept"])
def test_a_black_hole_holds_the_start_for_two_seconds_at_most(
    server: FakeUnleash, build: Build, kept: bool
) -> None:
    """With what was kept it is ready, stale and says its source; without, it is not ready."""
    if kept:
        first = build(server.url)
        first.start()
        first.stop()
    hole = BlackHole()
    provider = build(hole.url)
    began = time.monotonic()
    provider.start()
    took = time.monotonic() - began
    assert took < patient(START_S + 0.3)
    assert provider.ready is kept
    assert provider.problem
    decision = provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    if kept:
        assert (decision.source, decision.stale, decision.flag_version) == (
            "unleash-kept",
            True,
            10,
        )
        assert 0 <= decision.seen.age_s < 60  # type: ignore[operator]
    began = time.monotonic()
    provider.stop()
    assert time.monotonic() - began < patient(2.3)
    hole.close()


def test_a_restart_without_the_server_goes_on_with_the_last_good_flags(
    server: FakeUnleash, build: Build
) -> None:
    """A bad answer in between was not kept; the server that is back takes over."""
    first = build(server.url)
    first.start()
    server.fault = fake.html
    asked = server.questions
    first.hurry()
    eventually(lambda: server.questions > asked)
    first.stop()
    second = build(server.url)
    second.start()
    assert (percentage(second), second.state.source) == (1, "unleash-kept")
    server.fault = None
    second.hurry(10)
    eventually(lambda: second.poll() and second.state.source == "unleash")
    assert (percentage(second), second.problem) == (1, None)


def test_kept_flags_that_are_damaged_are_passed_over(
    server: FakeUnleash, build: Build, tmp_path: Path
) -> None:
    """What lies on disk is validated like anything else, and said if it is no good."""
    (tmp_path / "unleash.json").write_text('{"version": 2, "features": [')
    provider = build(server.url)
    with capture_logs() as logs:
        provider.start()
    assert [log for log in logs if log["event"] == "kept_flags_unusable"]
    assert percentage(provider) == 1


def test_a_held_answer_puts_no_old_state_back(server: FakeUnleash, build: Build) -> None:
    """A question from before a change that is answered after it changes nothing."""
    provider = build(server.url)
    provider.start()
    server.holds(canonical=5, revision=11)
    provider.hurry(11)
    eventually(lambda: percentage(provider) == 5)
    server.fault = fake.answering(good_body(canonical=1, shadow=100, revision=10))
    asked = server.questions
    provider.hurry(10**9)
    eventually(lambda: server.questions > asked + 1)
    assert percentage(provider) == 5
    assert "older than 11" in str(provider.problem)


def test_an_answer_slower_than_a_second_keeps_no_later_one_away(
    server: FakeUnleash, build: Build
) -> None:
    """The question is given up, and the next one is asked."""
    provider = build(server.url)
    provider.start()
    server.fault = fake.held
    asked = server.questions
    provider.hurry(11)
    eventually(lambda: server.questions > asked)
    server.fault = None
    server.holds(canonical=5, revision=11)
    eventually(lambda: percentage(provider) == 5, within=4)


def test_a_server_that_only_says_304_is_asked_for_the_whole(
    server: FakeUnleash, build: Build
) -> None:
    """A hint makes the question unconditional: a cache that lies is found out."""
    provider = build(server.url)
    provider.start()
    conditions: list[str | None] = []

    def lie(handler: fake.Handler) -> None:
        conditions.append(handler.headers["If-None-Match"])
        fake.not_modified(handler) if conditions[-1] else handler.answer_well()

    server.holds(canonical=5, revision=11)
    server.fault = lie
    provider.hurry(11)
    eventually(lambda: percentage(provider) == 5)
    assert None in conditions


def test_a_silent_server_leaves_the_flags_and_marks_them_stale(
    server: FakeUnleash, build: Build
) -> None:
    """After five seconds decisions say that they are stale, how old, and readers why."""
    provider = build(server.url)
    provider.start()
    server.fault = fake.failing
    with capture_logs() as logs:
        eventually(lambda: provider.poll() and provider.state.stale, within=9)
    decision = provider.state.decide(CANONICAL_FLAG, FlagContext(7))
    assert decision.stale
    assert decision.seen.age_s >= 4  # type: ignore[operator]
    assert "more than 5 s: it cannot be reached, or fails with 500" in str(provider.problem)
    assert len([log for log in logs if log["event"] == "flags_refused"]) == 1
    server.fault = None
    eventually(lambda: provider.poll() and not provider.state.stale)
    assert provider.problem is None


def test_a_wrong_token_is_said_by_its_settings_name(server: FakeUnleash, build: Build) -> None:
    """The message names what to mend, and never the token."""
    provider = build(server.url, token="default:development.wrong-token-entirely")
    provider.start()
    assert "UNLEASH_CLIENT_TOKEN" in str(provider.problem)
    assert "wrong-token" not in str(provider.problem)


def test_500_hints_cost_at_most_ten_questions(server: FakeUnleash, build: Build) -> None:
    """Hints for one change are answered together, even while the server's own tick is awaited."""
    provider = build(server.url)
    provider.start()
    asked = server.questions
    for _ in range(500):
        provider.hurry(11)
    time.sleep(0.9)  # Unleash answers what was before until its inner tick
    server.holds(canonical=5, revision=11)
    eventually(lambda: percentage(provider) == 5)
    assert server.questions - asked <= 10


def test_a_flood_of_growing_numbers_costs_no_more_than_its_first(
    server: FakeUnleash, build: Build
) -> None:
    """A server that is never where the hints say is not asked fast for as long as they come."""
    provider = build(server.url)
    provider.start()
    asked, began = server.questions, time.monotonic()
    number = 100
    while time.monotonic() - began < 4:
        number += 1
        provider.hurry(number)
        time.sleep(0.005)
    assert server.questions - asked <= PROMPT_QUESTIONS + 6


def test_a_revision_that_is_late_is_asked_for_less_and_less_often(
    server: FakeUnleash, build: Build
) -> None:
    """Past its own tick the server is loaded, and those who wait do not load it more."""
    provider = build(server.url)
    provider.start()
    asked, began = server.questions, time.monotonic()
    provider.hurry(99)
    eventually(lambda: server.questions - asked >= 14)
    assert time.monotonic() - began > 1.8  # 14 of the first pauses would take less


def test_usage_is_handed_in_as_it_was_counted_and_once(server: FakeUnleash, build: Build) -> None:
    """Remembered decisions are counted like any other; what was handed in is not again."""
    now = [0.0]
    counted = {CANONICAL_FLAG: Answers(3, 1000)}
    usage = Usage(lambda: counted, monotonic=lambda: now[0])
    provider = build(server.url, usage=usage)
    provider.start()
    now[0] = 61.0
    provider.hurry()
    eventually(lambda: server.buckets)
    counted[CANONICAL_FLAG] = Answers(5, 1000)
    provider.stop()
    toggles = [sent["bucket"]["toggles"][CANONICAL_FLAG] for sent in server.buckets]
    assert [(each["yes"], each["no"]) for each in toggles] == [(3, 1000), (2, 0)]


def test_the_command_line_asks_once_and_writes_nothing(
    server: FakeUnleash, build: Build, tmp_path: Path
) -> None:
    """A provider that was not started looks at the server itself, and leaves no trace."""
    provider = build(server.url)
    assert percentage(provider) == 1
    assert (server.registered, server.buckets) == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_never_ends_lets_the_command_line_go(build: Build) -> None:
    """Not even its head is whole, byte after byte: the question is left behind, and said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        provider = build(f"http://127.0.0.1:{listening.getsockname()[1]}")
        over = threading.Event()

        def drip() -> None:
            client, _ = listening.accept()
            with client:
                client.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
                while not over.wait(0.2):
                    client.sendall(b".")

        server = threading.Thread(target=drip)
        server.start()
        began = time.monotonic()
        provider.poll()
        asked_once = time.monotonic() - began
        for _ in range(5):
            provider.poll()
        assert asked_once < 10
        assert time.monotonic() - began < patient(10)  # those after it do not wait again
        assert "it has not answered within" in str(provider.problem)
        over.set()
        server.join()
        eventually(lambda: "within" not in str(provider.problem))  # it came to an end by itself


def test_flags_that_are_followed_are_kept(
    server: FakeUnleash, build: Build, tmp_path: Path
) -> None:
    """The file holds the followed revision, in a format that anybody can read."""
    build(server.url).start()
    kept = tmp_path / "unleash.json"
    eventually(kept.exists)
    assert json.loads(kept.read_text())["meta"]["revisionId"] == 10
