"""The whole migration, as the users of the mini app see it in their browsers."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.phone import Phone
from tests.browser.service import Service, comes_true, wait_until

LOWER = (10, 22, 17)
"""Users whose buckets are at most 50,"""
UPPER = (74, 31, 33)
"""and those whose are above. One of each has a boost: 22 and 31."""
EVERYBODY = LOWER + UPPER
TRIES = 3
"""Rewards after which one more must be compared: the first may follow close upon a stream."""

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Story:
    """The running service, and each user at their page."""

    service: Service
    phones: Mapping[int, Phone]

    def farm(self, *users: int) -> None:
        """Have each of these users farm; their reward is then in the database."""
        for user in users:
            before = self.service.balance(user)
            self.service.order(user, "farming")
            uni, ton = self.service.balance(user)
            assert (uni, ton) == (before[0] + Decimal("0.5"), before[1])

    def farm_compared(self, *users: int) -> dict[int, dict[str, Any]]:
        """Do the same, and wait until the shadow log has judged a reward of each."""
        before = {user: len(self.reach(user)) for user in users}
        self.farm(*users)
        for user in users:
            self._until_judged(user, before[user])
            self.phones[user].fence()
        return {user: self.reach(user)[-1] for user in users}

    def _until_judged(self, user: int, before: int) -> None:
        """Farm on until there is one more line than `before`.

        What follows close upon a stream of rewards may still belong to an episode of that
        stream, which was closed by force or saw a flip, and is then not compared.
        """

        def is_judged() -> bool:
            return len(self.reach(user)) > before

        for _ in range(TRIES):
            if comes_true(is_judged, within=5.0):
                return
            self.farm(user)
        wait_until(is_judged, f"{user} is in the log")

    def reach(self, user: int) -> list[dict[str, Any]]:
        """Return what the shadow log says about who was reached."""
        return self.service.divergences(user, "reach")

    def arrives(self, *users: int) -> None:
        """Wait until each page shows what the database holds, without a reload."""
        for user in users:
            phone = self.phones[user]
            wait_until(lambda u=user, p=phone: p.shown() == self.service.balance(u), f"{user}")

    @contextmanager
    def standing_still(self, *users: int) -> Iterator[None]:
        """Hold that neither a frame nor a change of the page comes to these users within."""
        before = {user: self._seen(user) for user in users}
        yield
        assert {user: self._seen(user) for user in users} == before

    def _seen(self, user: int) -> tuple[int, tuple[Decimal, Decimal]]:
        self.phones[user].fence()
        return len(self.phones[user].balances()), self.phones[user].shown()


@pytest.fixture
def story(service: Service, browser: Browser) -> Iterator[Story]:
    """Open every user's page once; no page is reloaded after this."""
    phones = {user: Phone(browser, service.url, user) for user in EVERYBODY}
    yield Story(service, phones)
    for phone in phones.values():
        phone.page.close()


def test_the_migration_from_off_to_resume(story: Story) -> None:
    """Pages stand still on legacy, move on canonical, stand still again after a rollback."""
    off(story)
    shadow(story)
    half(story)
    complete(story)
    rollback(story)
    resume(story)


def off(story: Story) -> None:
    """Check that a farming reward is booked unseen, and that a boost moves the page."""
    assert story.service.state()["stage"] == "off"
    with story.standing_still(74, 10):
        story.farm(74, 10, 31)
        boost_alone_moves(story, 31)


def boost_alone_moves(story: Story, user: int) -> None:
    """Check that of a farming reward and a boost after it, only the boost was ever sent."""
    phone = story.phones[user]
    before = len(phone.balances())
    story.farm(user)
    story.service.order(user, "boost")
    wait_until(lambda: len(phone.balances()) > before, f"a boost reaches {user}")
    story.arrives(user)
    [frame] = phone.balances()[before:]
    assert frame["balanceData"]["sources"] == ["boost_income"]
    assert "version" not in frame


def shadow(story: Story) -> None:
    """Check that nothing moves that did not move before, and that the log says why."""
    story.service.flask("rollout", "shadow", "100")
    assert story.service.state()["stage"] == "shadow"
    with story.standing_still(74, 10):
        lines = story.farm_compared(74, 10)
        boost_alone_moves(story, 31)
    for line in lines.values():
        assert line["known"] == "legacy-reaches-nobody"
        assert line["serving"] == "legacy"
        assert line["calls"][0]["caller"].startswith("batch_balance_processor")
        live, canonical = line["observations"][:2]
        assert (live["side"], live["effects"]) == ("legacy", [])
        published, effect = canonical["effects"]
        assert (published["to"], published["published"]) == ("bus", line["user"])
        assert effect["message"]["sources"] == ["UNI_farming_income"]


def half(story: Story) -> None:
    """Check that the pages of the lower half move, and the others as little as before."""
    story.service.flask("rollout", "set", "50", "--force", "--reason", "a leap")
    sides = {user["id"]: user["side"] for user in story.service.state()["users"]}
    assert sides == {**dict.fromkeys(LOWER, "canonical"), **dict.fromkeys(UPPER, "legacy")}
    with story.standing_still(74, 33):
        story.farm_compared(74, 33)
        story.farm(*LOWER)
        story.arrives(*LOWER)
        boost_alone_moves(story, 31)


def complete(story: Story) -> None:
    """Check that every page moves, and catches up with what it was never told."""
    story.service.flask("rollout", "set", "100", "--force", "--reason", "a leap")
    assert story.service.state()["stage"] == "complete"
    story.farm(*EVERYBODY)
    story.arrives(*EVERYBODY)
    assert "Farming reward" in story.phones[74].page.inner_text("[data-testid=incoming]")


def rollback(story: Story) -> None:
    """Check that no canonical frame is begun once the command has returned."""
    with rewards_all_the_time(story):
        said = story.service.flask("rollout", "rollback", "--reason", "a test")
        returned = time.time()
        assert "confirmed after" in said
        before = canonical_frames(story)
        versions = {user: story.service.version(user) for user in EVERYBODY}
        for user in EVERYBODY:
            wait_until(
                lambda u=user: story.service.version(u) > versions[u] + 1, f"{user} goes on farming"
            )
    assert story.service.state()["stage"] == "rolled_back"
    with story.standing_still(74, 10, 17, 33):
        story.farm_compared(74, 10, 17, 33)
        boost_alone_moves(story, 31)
        boost_alone_moves(story, 22)
    assert canonical_frames(story) == before
    for user, frames in before.items():
        assert all(begun(frame) <= returned for frame in frames), user


def canonical_frames(story: Story) -> dict[int, list[dict[str, Any]]]:
    """Return what the canonical sent to each page, once all that was begun has arrived."""
    for phone in story.phones.values():
        phone.fence()
    return {user: phone.canonical() for user, phone in story.phones.items()}


def begun(frame: Mapping[str, Any]) -> float:
    """Return when the truth of a frame was read, in unix seconds."""
    return datetime.fromisoformat(frame["balanceData"]["timestamp"]).timestamp()


@contextmanager
def rewards_all_the_time(story: Story) -> Iterator[None]:
    """Have everybody farm over and over, and be told of it before this begins."""
    done = threading.Event()

    def farm() -> None:
        while not done.is_set():
            for user in EVERYBODY:
                story.service.order(user, "farming")

    before = {user: len(phone.canonical()) for user, phone in story.phones.items()}
    thread = threading.Thread(target=farm, name="farming")
    thread.start()
    try:
        for user, phone in story.phones.items():
            wait_until(
                lambda u=user, p=phone: len(p.canonical()) > before[u], f"{user} sees rewards"
            )
        yield
    finally:
        done.set()
        thread.join()


def resume(story: Story) -> None:
    """Check that the lower half moves again, and that no page was told anything twice."""
    story.service.flask("rollout", "resume", "--at", "50", "--reason", "a test")
    with story.standing_still(74, 33):
        story.farm_compared(74, 33)
        story.farm(*LOWER)
        story.arrives(*LOWER)
    for user in LOWER:
        frames = story.phones[user].canonical()
        assert all(a["version"] < b["version"] for a, b in pairwise(frames))
        assert frames[-1]["version"] == story.service.version(user)
    for user in (10, 17):  # who were told of nothing by anybody else
        frames = story.phones[user].canonical()
        assert [frame["since"] for frame in frames[1:]] == [f["version"] for f in frames[:-1]]
