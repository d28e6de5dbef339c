"""What the legacy services do that no recording holds."""

import json
import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.updates import BalanceUpdate
from shim.legacy.user_id_only import UserIdOnlyService
from shim.shadow.clock import VirtualClock
from tests.legacy.doubles import BalanceDouble, ManagerDouble, SocketDouble


def update(user_id=7, *, uni="10", change="1", currency="UNI", source="farming"):
    """Return an update as callers make them."""
    return BalanceUpdate(
        user_id=user_id,
        balance_uni=Decimal(uni),
        balance_ton=Decimal(0),
        change_amount=Decimal(change),
        currency=currency,
        source=source,
        timestamp="2025-07-13T06:27:20.000Z",
    )


@pytest.fixture
def clock():
    """Return a clock that the test moves."""
    return VirtualClock()


@pytest.fixture
def aware(clock):
    """Return a connection-aware service."""
    return ConnectionAwareService(clock=clock)


@pytest.fixture
def manager():
    """Return a balance manager that knows nobody."""
    return ManagerDouble()


@pytest.fixture
def by_id(clock, manager):
    """Return a user-id-only service."""
    return UserIdOnlyService(balance_manager=manager, clock=clock)


def test_decimal_amounts_leave_as_the_numbers_production_prints(aware, clock):
    """Callers pass Decimal, the wire carries binary doubles without a trailing .0."""
    log = []
    aware.register_connection(7, SocketDouble("a", log))
    aware.notify_balance_update(update(uni="100.000000", change="0.1"))
    aware.notify_balance_update(update(uni="100.000000", change="0.2"))
    clock.advance(0.2)
    ((_, text),) = log
    assert '"balanceUni":100,' in text
    assert '"changes":{"uni":0.30000000000000004,"ton":0}' in text
    assert json.loads(text)["balanceData"]["timestamp"].endswith("Z")


def test_user_named_by_text_is_another_user(aware, clock):
    """Text "7" is not 7: an update for the one never reaches a connection of the other."""
    log = []
    aware.register_connection(7, SocketDouble("a", log))
    aware.notify_balance_update(update("7"))
    aware.notify_balance_update(update(True))
    aware.notify_balance_update(update({"id": 7}))
    clock.advance(0.2)
    assert log == []


@pytest.mark.parametrize("argument", [7, "7", None, {"user_id": 7}])
def test_argument_that_is_no_update_is_answered_with_silence(aware, clock, argument):
    """Nothing is raised, nothing is pending, nothing is sent."""
    log = []
    aware.register_connection(7, SocketDouble("a", log))
    aware.notify_balance_update(argument)
    clock.advance(0.2)
    assert (log, aware.pending_users()) == ([], ())


def test_currency_that_is_unknown_changes_neither_sum(aware, clock):
    """Production filters by the two names it knows."""
    log = []
    aware.register_connection(7, SocketDouble("a", log))
    aware.notify_balance_update(update(currency="EUR"))
    clock.advance(0.2)
    assert json.loads(log[0][1])["balanceData"]["changes"] == {"uni": 0, "ton": 0}


def test_pending_users_are_those_with_an_open_window(aware, clock):
    """A window is pending from the first update until it closes."""
    aware.notify_balance_update(update(7))
    aware.notify_balance_update(update(8))
    assert aware.pending_users() == (7, 8)
    assert aware.is_pending(7)
    clock.advance(0.2)
    assert aware.pending_users() == ()
    assert not aware.is_pending(7)


def test_flushing_one_user_leaves_the_others_pending(aware, clock):
    """Only the named window closes, once."""
    log = []
    aware.register_connection(7, SocketDouble("a", log))
    aware.register_connection(8, SocketDouble("b", log))
    aware.notify_balance_update(update(7))
    aware.notify_balance_update(update(8))
    aware.flush_user(7)
    aware.flush_user(9)
    assert [name for name, _ in log] == ["a"]
    clock.advance(0.2)
    assert [name for name, _ in log] == ["a", "b"]


def test_timer_that_was_cancelled_too_late_closes_nothing(clock):
    """A callback already on its way when its window was prolonged is passed over."""
    callbacks = []

    class LateClock(VirtualClock):
        def call_later(self, delay, callback):
            callbacks.append(callback)
            return super().call_later(delay, callback)

    log = []
    service = ConnectionAwareService(clock=LateClock())
    service.register_connection(7, SocketDouble("a", log))
    service.notify_balance_update(update())
    service.notify_balance_update(update())
    callbacks[0]()
    assert log == []
    callbacks[1]()
    callbacks[1]()
    assert len(log) == 1


def test_last_dead_connection_leaves_an_empty_list_behind(aware, clock):
    """A connection dropped while sending does not take its user out of the counts."""
    socket = SocketDouble("a", [])
    socket.is_open = False
    aware.register_connection(7, socket)
    aware.notify_balance_update(update())
    clock.advance(0.2)
    assert aware.get_connection_stats() == {"totalUsers": 1, "totalConnections": 0}


def test_update_object_costs_the_user_id_service_no_read(by_id, manager):
    """The wrong argument finds no connection, so no balance is asked for."""
    by_id.add_connection(7, SocketDouble("a", []))
    by_id.notify_balance_update(update(7))
    by_id.notify_balance_update({"user_id": 7})
    assert manager.reads == 0


def test_custom_message_passes_dead_connections_over_and_keeps_them(by_id):
    """Only a balance update drops them."""
    log = []
    broken, live = SocketDouble("a", log), SocketDouble("b", log)
    broken.broken = True
    by_id.add_connection(7, broken)
    by_id.add_connection(7, live)
    by_id.send_custom_message(7, "ton_boost_activated", {"package": 1})
    assert [name for name, _ in log] == ["b"]
    assert by_id.get_connection_stats() == {"totalUsers": 1, "totalSockets": 2}


def test_user_id_service_removes_by_identity_and_forgets_empty_users(by_id):
    """Removing what is not there changes nothing; the last one takes its user along."""
    socket = SocketDouble("a", [])
    by_id.add_connection(7, socket)
    by_id.remove_connection(7, SocketDouble("a", []))
    by_id.remove_connection(8, socket)
    assert by_id.get_connection_stats() == {"totalUsers": 1, "totalSockets": 1}
    by_id.remove_connection(7, socket)
    assert by_id.get_connection_stats() == {"totalUsers": 0, "totalSockets": 0}


def test_concurrent_updates_are_all_summed(aware, clock):
    """Callers on several threads lose no change of one window."""
    log = []
    aware.register_connection(7, SocketDouble("a", log))

    def call():
        for _ in range(200):
            aware.notify_balance_update(update())

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    aware.flush_pending_updates()
    assert json.loads(log[0][1])["balanceData"]["changes"]["uni"] == 800


@pytest.mark.parametrize("odd", [{1, 2}, object(), 10**5000], ids=["set", "object", "digits"])
def test_value_that_only_python_has_is_said_as_null(aware, clock, odd):
    """A timer raises nothing, whatever a caller handed over."""
    log = []
    aware.register_connection(7, SocketDouble("a", log))
    aware.notify_balance_update(replace(update(), balance_uni=odd, source=odd, change_amount=odd))
    clock.advance(0.2)
    data = json.loads(log[0][1])["balanceData"]
    assert (data["balanceUni"], data["changes"]["uni"], data["sources"]) == (None, None, [None])


@pytest.mark.parametrize("answer", [{"success": True, "balance": {"uni": 1}}, 5, "x", []])
def test_an_answer_of_another_shape_leaves_the_balances_out(by_id, manager, answer):
    """Production's own manager answers an envelope: the message says a time and no balance."""
    log = []
    by_id.add_connection(7, SocketDouble("a", log))
    manager.set_balance(7, answer)
    by_id.notify_balance_update(7)
    assert list(json.loads(log[0][1])["data"]) == ["timestamp"]


def test_no_answer_at_all_is_a_read_that_failed(by_id, manager):
    """Of null nothing can be asked, so nothing is sent."""
    log = []
    by_id.add_connection(7, SocketDouble("a", log))
    manager.set_balance(7, None)
    by_id.notify_balance_update(7)
    assert log == []


def test_balance_of_the_manager_is_read_at_the_time_of_the_call(by_id, manager):
    """Each call sends one message with the balance of that moment, Decimal or not."""
    log = []
    by_id.add_connection(7, SocketDouble("a", log))
    for uni in ("1", "2.500000"):
        manager.balances[7] = BalanceDouble(uni=Decimal(uni), ton=Decimal("0.000001"))
        by_id.notify_balance_update(7)
    said = [text.partition('"data":')[2].partition(',"timestamp"')[0] for _, text in log]
    assert said == [
        '{"balance_uni":1,"balance_ton":0.000001',
        '{"balance_uni":2.5,"balance_ton":0.000001',
    ]
