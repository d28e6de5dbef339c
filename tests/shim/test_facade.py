"""The drop-ins: who serves, what is registered where, and what callers may pass."""

import _thread
import threading
import traceback
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.balance_manager import KeptBalance, UserBalance
from flags.user_id import MAX_USER_ID
from shim.facade import ConnectionAwareFacade, UserIdOnlyFacade
from shim.migration import CallContext
from shim.shadow.callers import module_of
from shim.shadow.counts import MOST_CALLERS, OTHERS
from tests.notifications.doubles import ConnectionDouble
from tests.shim.harness import ENGAGED, Harness

NOBODY = [None, "", " 7 ", "07", True, 7.0, 0, -1, MAX_USER_ID + 1, {"user": 7}, "\ud800"]


class Spy:
    """Stands where a live service stands and notes what it is handed."""

    def __init__(self, behind, error=None):
        self._behind = behind
        self.handed = []
        self.error = error

    def notify_balance_update(self, argument):
        """Note the argument, then fail or go on."""
        self.handed.append(argument)
        if self.error is not None:
            raise self.error
        return self._behind.notify_balance_update(argument)

    def __getattr__(self, name):
        return getattr(self._behind, name)


def spied(harness, error=None):
    """Put a spy in front of the user-id-only service."""
    spy = Spy(harness.migration.user_id_only, error)
    harness.by_id._legacy = spy
    return spy


@pytest.mark.parametrize("shadow", [0, 100])
def test_an_argument_reaches_the_serving_side_as_it_came(shadow):
    """The very object that a caller passed is what the legacy is handed."""
    harness = Harness(shadow=shadow)
    spy = spied(harness)
    update = harness.update(7, 1, 0, "1", "UNI", "farming")
    harness.by_id.notify_balance_update(update)
    harness.by_id.notify_balance_update("7")
    assert spy.handed[0] is update
    assert spy.handed[1] == "7"


@pytest.mark.parametrize("shadow", [0, 100])
def test_an_exception_of_the_serving_side_is_the_callers_own(shadow):
    """The caller gets that exception, with the traceback down to where it was raised."""
    harness = Harness(shadow=shadow)
    error = RuntimeError("from the legacy")
    spied(harness, error)
    with pytest.raises(RuntimeError) as caught:
        harness.by_id.notify_balance_update(7)
    assert caught.value is error
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.name == "notify_balance_update"
    assert last.line == "raise self.error"


@pytest.mark.parametrize("percent", [0, 100])
def test_a_call_with_no_caller_below_it_is_served_and_noted(percent):
    """A thread or greenlet may be started on the facade's method itself."""
    harness = Harness(percent=percent)
    served = threading.Event()
    harness.migration.canonical.notify_balance_update = lambda hint: served.set()
    harness.by_id._legacy = SimpleNamespace(notify_balance_update=lambda user_id: served.set())
    _thread.start_new_thread(harness.by_id.notify_balance_update, (7,))
    assert served.wait(60)
    assert len(harness.migration.queue) == 1


@pytest.mark.parametrize("percent", [0, 100])
def test_a_noted_call_names_the_function_that_made_it(percent):
    """The log can say who called, whichever side served."""
    harness = Harness(percent=percent)

    def complete_mission():
        harness.by_id.notify_balance_update(7)

    complete_mission()
    [call] = harness.migration.queue.take(1)
    assert call.caller is complete_mission.__code__


@pytest.mark.parametrize("value", NOBODY, ids=ascii)
def test_what_is_no_user_id_goes_to_legacy_unchanged(value):
    """It is counted, never bucketed, never compared and never raised about."""
    harness = Harness(percent=50)
    spy = spied(harness)
    harness.by_id.notify_balance_update(value)
    harness.aware.notify_balance_update(harness.update(value, 1, 0, "1", "UNI", "farming"))
    assert spy.handed == [value]
    assert [tally.invalid for tally in harness.migration.tallies.values()] == [1, 1]
    assert len(harness.migration.queue) == 0


@pytest.mark.parametrize(
    "value",
    [None, 7, "7", {"user_id": 7}, object()],
    ids=["none", "number", "text", "mapping", "object"],
)
def test_the_connection_aware_path_survives_what_is_no_update(value):
    """Legacy answers anything but an update with silence, and so does the facade."""
    harness = Harness()
    harness.aware.notify_balance_update(value)


def test_what_is_no_user_id_is_logged_once_per_kind(logged):
    """A caller that goes wrong a thousand times fills no log."""
    harness = Harness()
    for value in [None, None, "x", "y", None]:
        harness.by_id.notify_balance_update(value)
    printed = logged()
    assert printed.count("invalid_user_id") == 2


def test_at_complete_what_is_no_user_id_is_dropped():
    """Legacy is not asked any more once the canonical serves everybody."""
    harness = Harness(percent=100)
    spy = spied(harness)
    harness.by_id.notify_balance_update(None)
    assert spy.handed == []
    assert harness.migration.tallies["user_id_only"].invalid == 1


def test_seven_and_its_text_are_one_user():
    """Both are bucketed and served alike."""
    harness = Harness(percent=0, cohort=(7,))
    page = harness.connect(user_id=7)
    harness.truth.book(7, "1")
    harness.by_id.notify_balance_update("7")
    harness.run()
    assert page.versions == [1]


@given(percent=st.integers(0, 100), user_id=st.integers(1, MAX_USER_ID))
def test_a_user_is_served_by_the_flag_and_nothing_else(percent, user_id):
    """The side is the flag's decision for that user, whichever path calls."""
    harness = Harness(percent=percent, shadow=0)
    harness.by_id.notify_balance_update(user_id)
    harness.aware.notify_balance_update(harness.update(user_id, 1, 0, "1", "UNI", "farming"))
    served = harness.migration.table.route(user_id).decision.value
    assert [(tally.canonical, tally.legacy) for tally in harness.migration.tallies.values()] == [
        (int(served), int(not served))
    ] * 2


def test_a_connection_is_put_where_production_puts_it_and_into_the_canonical():
    """register: connection-aware and canonical; add: user-id-only and canonical."""
    harness = Harness()
    page = ConnectionDouble("a")
    migration = harness.migration
    harness.aware.register_connection(7, page)
    assert migration.connection_aware.get_connection_stats()["totalConnections"] == 1
    assert migration.user_id_only.get_connection_stats()["totalSockets"] == 0
    assert migration.canonical.get_connection_stats().connections == 1
    harness.by_id.add_connection(7, page)
    assert migration.user_id_only.get_connection_stats()["totalSockets"] == 1
    assert migration.canonical.get_connection_stats().connections == 1


@pytest.mark.parametrize("remover", [ConnectionAwareFacade, UserIdOnlyFacade])
def test_a_connection_is_removed_from_wherever_it_was_put(remover):
    """Whichever path removes it, it is gone from all sides."""
    harness = Harness()
    page = ConnectionDouble("a")
    harness.aware.register_connection(7, page)
    harness.by_id.add_connection(7, page)
    remover.get_instance().remove_connection(7, page)
    migration = harness.migration
    assert migration.connection_aware.get_connection_stats()["totalConnections"] == 0
    assert migration.user_id_only.get_connection_stats()["totalSockets"] == 0
    assert migration.canonical.get_connection_stats().connections == 0
    assert migration.book.states(7) == ()


def test_a_canonical_that_cannot_register_does_not_reach_the_caller():
    """The caller asked for the legacy's registration and gets it."""
    harness = Harness()

    def refuse(user_id, connection):
        raise RuntimeError("no more room")

    harness.migration.canonical.register_connection = refuse
    harness.aware.register_connection(7, ConnectionDouble("a"))
    assert harness.aware.get_connection_stats() == {"totalUsers": 1, "totalConnections": 1}


def test_stats_come_from_the_canonical_at_complete_under_the_paths_own_keys():
    """Callers read the same keys, whoever counts."""
    harness = Harness(percent=100)
    harness.connect()
    assert harness.aware.get_connection_stats() == {"totalUsers": 1, "totalConnections": 1}
    assert harness.by_id.get_connection_stats() == {"totalUsers": 1, "totalSockets": 1}
    harness.flip(percent=50)
    assert harness.by_id.get_connection_stats() == {"totalUsers": 0, "totalSockets": 0}


@pytest.mark.parametrize(("percent", "arrives"), [(0, False), (100, True)])
def test_a_custom_message_goes_by_the_side_that_serves(percent, arrives):
    """Legacy holds no connection to send it on; the canonical does."""
    harness = Harness(percent=percent)
    page = harness.connect()
    harness.by_id.send_custom_message(7, "ton_boost_activated", {"package": 1})
    assert any("ton_boost_activated" in text for text in page.texts) is arrives


def test_flushing_sends_what_either_side_has_pending():
    """One call empties the windows of legacy and canonical."""
    harness = Harness(cohort=(8,))
    seven, eight = harness.connect(user_id=7, name="a"), harness.connect(user_id=8, name="b")
    harness.boost(user_id=7)
    harness.boost(user_id=8)
    harness.aware.flush_pending_updates()
    assert (len(seven.texts), eight.versions) == (1, [1])


def test_a_flip_up_sends_what_legacy_had_pending_at_once():
    """The losing side's window does not wait out its time."""
    harness = Harness()
    page = harness.connect()
    harness.boost()
    harness.flip(percent=100)
    assert len(page.texts) == 1


def test_a_flip_leaves_the_windows_of_other_users_alone():
    """Only who changes sides is flushed."""
    harness = Harness()
    page = harness.connect()
    harness.boost()
    harness.flip(percent=0, cohort=(8,))
    assert page.texts == []
    harness.run()
    assert len(page.texts) == 1


def test_a_rollback_sends_what_the_canonical_had_pending_and_nothing_after():
    """When the flip is done the canonical is silent for good."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.farm()
    harness.flip(latch=ENGAGED)
    assert page.versions == [1]
    harness.farm()
    harness.truth.book(7, "1")
    harness.run(2.0)
    assert page.versions == [1]


def test_what_legacy_showed_is_not_shown_again_after_a_flip():
    """Page plus changes is always the balance: a boost seen by legacy is not announced twice."""
    harness = Harness()
    page = harness.connect()
    harness.farm("1")
    harness.boost("0.5")
    harness.run()
    assert len(page.texts) == 1
    harness.flip(percent=100)
    harness.farm("2")
    harness.run()
    assert [(frame.change_uni, frame.change_ton) for frame in page.begun] == [(2, 0)]


def test_a_flip_that_failed_flushes_what_was_pending_when_it_is_tried_again():
    """The second try starts from the last flip that was done, not from the failed one."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.farm()
    canonical, relinquish = harness.migration.canonical, harness.migration.canonical.relinquish

    def fail(lost, *, read_timeout):
        canonical.relinquish = relinquish
        raise RuntimeError("not this time")

    canonical.relinquish = fail
    with pytest.raises(RuntimeError):
        harness.flip(latch=ENGAGED)
    harness.flip(latch=ENGAGED)
    assert page.versions == [1]


def test_a_snapshot_that_fails_costs_no_caller_its_call(logged):
    """What cannot be noted is counted and said once; the live side is served all the same."""
    harness = Harness()
    spy = spied(harness)

    def fail(user_id):
        raise RuntimeError("no snapshot today")

    harness.manager.kept = fail
    for _ in range(3):
        harness.by_id.notify_balance_update(7)
    assert spy.handed == [7, 7, 7]
    assert len(harness.migration.queue.take(10)) == harness.migration.unobserved == 3
    assert logged().count("observation_failed") == 1


def test_a_call_that_is_not_sampled_is_counted_for_its_caller_where_others_are():
    """By the code that called, and by who served; while nobody is sampled nobody is named."""
    harness = Harness(shadow=0)
    harness.by_id.notify_balance_update(7)
    assert not harness.migration.unsampled
    harness.flip(percent=0, shadow=1)
    users = [user for user in range(1, 50) if not harness.migration.table.route(user).shadows]
    for user in users:
        harness.by_id.notify_balance_update(user)
    harness.flip(percent=100, shadow=1)
    harness.by_id.notify_balance_update(users[0])
    [tally] = harness.migration.unsampled.values()
    assert (tally.legacy, tally.canonical) == (len(users), 1)
    assert module_of(tally.caller) == "test_facade"


def test_callers_are_told_apart_in_bounds():
    """After so many of them, the others are counted together; nothing is lost."""
    harness = Harness()
    callers = [f"caller {number}" for number in range(MOST_CALLERS + 50)]
    for caller in callers:
        harness.migration.begin_unsampled(caller).legacy += 1
    tallies = list(harness.migration.unsampled.values())
    assert len(tallies) == MOST_CALLERS + 1
    assert sum(tally.legacy for tally in tallies) == len(callers)
    assert (tallies[-1].caller, tallies[-1].legacy) == (OTHERS, 50)


def test_a_call_that_is_not_sampled_needs_no_caller_below_it():
    """A thread that is started on the facade's method is served, and counted under that."""
    harness = Harness(percent=0, shadow=1)
    user = next(user for user in range(1, 50) if not harness.migration.table.route(user).shadows)
    served = threading.Event()
    harness.by_id._legacy = SimpleNamespace(notify_balance_update=lambda user_id: served.set())
    _thread.start_new_thread(harness.by_id.notify_balance_update, (user,))
    assert served.wait(60)
    [tally] = harness.migration.unsampled.values()
    assert (module_of(tally.caller), tally.legacy) == ("facade", 1)


def test_a_snapshot_holds_the_connections_as_they_were_at_the_call():
    """What is closed, shown, broken or taken away later changes no earlier snapshot."""
    harness = Harness()
    connection = harness.connect()
    connection.base_version = 3

    def seen():
        harness.by_id.notify_balance_update(7)
        *_, call = harness.migration.queue.take(10)
        states = CallContext.of(call).connections
        return call, [(state.is_open, state.failed, state.base_version) for state in states]

    first, before = seen()
    connection.base_version = 4
    connection.broken = True
    with pytest.raises(ConnectionError):
        harness.migration.book.entries(7)[0].legacy.send("{}")
    connection.is_open = False
    _, after = seen()
    harness.aware.remove_connection(7, connection)
    assert (before, after) == ([(True, False, 3)], [(False, True, 4)])
    assert seen()[1] == [] == list(connection.watchers)
    assert [state.base_version for state in CallContext.of(first).connections] == [3]


def test_a_balance_that_had_run_out_at_the_call_is_not_in_its_snapshot():
    """Whether the cache would have answered is worked out from the time of the call."""
    harness = Harness()
    balance = UserBalance(7, Decimal(1), Decimal(2))
    found = []
    for until in (99.0, 101.0):  # the clock stands at 100
        harness.manager.kept = lambda _, until=until: KeptBalance(balance, 1, until)
        harness.by_id.notify_balance_update(7)
        [call] = harness.migration.queue.take(1)
        found.append(CallContext.of(call).cached)
    assert found == [None, balance]
