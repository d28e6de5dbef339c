"""Production's own page, unmodified: it ends with what the database holds, whatever happens."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal

import pytest

from app.web.readings import account_of
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.definition import bucket_of
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from tests.admission.conftest import Service
from tests.production_page import ProductionPage
from tests.web.live import Live, serving, wait_until
from tests.whole.pages import USER, flip, say_by_legacy

BACK_S = 0.3

Pages = list[ProductionPage]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Serve as production would at first, with the distance that ships."""
    with serving(tmp_path_factory.mktemp("page"), admission="report-only") as running:
        yield running


def uni_of(live: Live, user: int = USER) -> Decimal:
    """Return the user's UNI balance in the database."""
    with live.parts.database.reading() as session:
        return account_of(session, user).uni


@pytest.fixture
def pages(live: Live) -> Iterator[Pages]:
    """Open two pages of the user, whose API takes 700 ms."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(ProductionPage(live.url, USER, lambda: uni_of(live), back_s=BACK_S))
            for _ in range(2)
        ]
        wait_until(lambda: all(page.connected for page in opened))
        canonical = live.parts.reach.canonical
        wait_until(lambda: all(c.base_version is not None for c in canonical.connections_of(USER)))
        yield opened


def pay(live: Live, *amounts: int) -> None:
    """Book missions and withdrawals, one right after the other."""
    for amount in amounts:
        kind = "withdrawal" if amount < 0 else "mission"
        assert live.order(user=USER, kind=kind, amount=str(abs(amount))).status == 201


def settle(live: Live, pages: Pages) -> None:
    """Wait until each page shows what the database holds, and go on showing it."""
    wait_until(lambda: all(page.shown == uni_of(live) for page in pages))
    assert not any(page.plus_zero for page in pages)


def test_it_is_told_of_every_change_by_the_canonical(live: Live, pages: Pages) -> None:
    """In bursts, with a slow API, with sums of nothing: and it asks again in vain at each frame."""
    flip(Service(live), 100)
    for burst in ((1, 2, 3), (5, -5), (4,), (-4, 4, 2, -2)):
        pay(live, *burst)
        time.sleep(0.2)  # while the page reads
        pay(live, *burst)
        settle(live, pages)
    for page in pages:
        confirmed = [f for f in page.frames if f["type"] == "subscription_confirmed"]
        assert len(confirmed) == 1
        assert page.subscribed == len(page.frames)
        told = sum(frame["balanceData"]["changes"]["uni"] for frame in page.balances)
        assert told == pytest.approx(20)
        assert page.dropped == 0
    assert live.parts.reach.canonical.get_connection_stats().connections == 2


@pytest.mark.parametrize("shadow", [0, 100])
@pytest.mark.parametrize("stage", ["not served", "ramp below", "ramp above", "complete"])
def test_at_each_stage_it_ends_with_the_database_or_with_what_legacy_said(
    live: Live, pages: Pages, stage: str, shadow: int
) -> None:
    """Off and shadow; a ramp that has not come to the user, one that has; complete."""
    bucket = bucket_of(CANONICAL_FLAG, USER)
    percentage = {"not served": 0, "ramp below": bucket - 1, "ramp above": bucket, "complete": 100}
    live.parts.flag_admin.set_percentage(SHADOW_FLAG, shadow)
    flip(Service(live), percentage[stage])
    is_served = stage in ("ramp above", "complete")
    assert live.parts.migration.serves(USER) is is_served
    if is_served:
        settle(live, pages)  # what was booked before
    heard = [len(page.balances) for page in pages]
    pay(live, 1, 2)
    say_by_legacy("5")
    if is_served:
        settle(live, pages)
    else:
        wait_until(lambda: [len(page.balances) for page in pages] == [n + 1 for n in heard])
        assert all(page.balances[-1]["balanceData"]["balanceUni"] == 5 for page in pages)


def test_flips_and_a_rollback_leave_it_right_or_as_production_would(
    live: Live, pages: Pages
) -> None:
    """Served, it ends with what the database holds; else it hears what legacy says, no more."""
    service = Service(live)
    flip(service, 100)
    pay(live, 1, 2)
    settle(live, pages)
    flip(service, 0)
    heard = [len(page.balances) for page in pages]
    pay(live, 8)
    say_by_legacy("5")
    wait_until(lambda: [len(page.balances) for page in pages] == [n + 1 for n in heard])
    assert all(page.balances[-1]["balanceData"]["balanceUni"] == 5 for page in pages)
    flip(service, 100)
    settle(live, pages)
    pay(live, 1)
    latch = FileLatchStore(live.parts.settings.latch_file)
    switch = KillSwitch([latch])
    switch.engage(who="test", why="a fault")
    wait_until(lambda: not live.parts.migration.serves(USER))
    pay(live, 16)
    switch.release(who="test", why="repaired")
    wait_until(lambda: live.parts.migration.serves(USER))
    settle(live, pages)


def test_it_is_back_after_its_socket_was_lost_and_told_what_it_missed(
    live: Live, pages: Pages
) -> None:
    """And told nothing if it missed nothing."""
    flip(Service(live), 100)
    settle(live, pages)
    heard = [len(page.balances) for page in pages]
    for missed in ((), (3,)):
        for page in pages:
            page.cut()
        wait_until(lambda: not live.parts.reach.canonical.connections_of(USER))
        pay(live, *missed)
        wait_until(lambda: all(page.connected for page in pages))
        settle(live, pages)
        if not missed:
            assert [len(page.balances) for page in pages] == heard
