"""What the canonical service says, to whom, and how often it asks the database."""

import json
from decimal import Decimal

import pytest

from tests.notifications.doubles import ConnectionDouble


def legacy_frame(uni, ton="0"):
    """Return a balance frame as a legacy service sends it."""
    return (
        f'{{"type":"balance_update","userId":7,"balanceData":{{"balanceUni":{uni},"balanceTon":{ton},'
        '"changes":{"uni":0,"ton":0},"sources":[],"timestamp":"2025-07-13T06:27:20.000Z"}}'
    )


def test_hints_for_one_change_are_shown_once(world):
    """Hook, direct call and batch together are one frame, and one read."""
    connection = world.connect(known=0)
    world.book("2", source="mission")
    world.hint()
    world.hint()
    world.pass_window()
    world.hint()
    world.pass_window()
    (frame,) = connection.begun
    assert (frame.since, frame.version, frame.sources) == (0, 1, ("mission",))


def test_windows_that_close_together_cost_one_read(world):
    """However many users, the database is asked once."""
    connections = [world.connect(user_id, known=0) for user_id in range(1, 51)]
    for user_id in range(1, 51):
        world.book(user_id=user_id)
    world.truth.reads.clear()
    world.pass_window()
    assert world.truth.reads == [dict.fromkeys(range(1, 51), 0)]
    assert all(connection.versions == [1] for connection in connections)


def test_no_window_closes_before_its_time(world):
    """One that closes takes none along that was hinted at a moment later."""
    for user_id in (1, 2):
        world.connect(user_id, known=0)
        world.truth.book(user_id, Decimal(1))
    world.truth.reads.clear()
    world.hint(1)
    world.clock.advance(0.004)
    world.hint(2)
    world.clock.advance(0.097)
    assert [list(read) for read in world.truth.reads] == [[1]]
    world.clock.advance(0.004)
    assert [list(read) for read in world.truth.reads] == [[1], [2]]


def test_user_without_a_connection_costs_no_read_and_no_window(world):
    """Offline users are free."""
    world.book()
    assert not world.service.is_pending(7)
    world.pass_window()
    assert world.truth.reads == []


def test_each_connection_is_told_what_is_new_to_it(world):
    """Two pages that show different versions get different changes."""
    world.truth.book(7, "1")
    older = world.connect(name="a", known=0)
    newer = world.connect(name="b", known=1)
    world.book("2", source="mission")
    world.pass_window()
    assert [frame.change_uni for frame in older.begun] == [Decimal(3)]
    assert [frame.change_uni for frame in newer.begun] == [Decimal(2)]


def test_subscriber_who_missed_nothing_is_sent_nothing(world):
    """The page has just read the balance: what it shows is noted, and "+0" is said to nobody."""
    world.truth.book(7, "5")
    connection = ConnectionDouble()
    world.service.register_connection(7, connection)
    world.clock.advance(1)
    assert (connection.offered, connection.base_version) == ([], 1)
    world.book("2")
    world.pass_window()
    assert [(f.since, f.uni, f.change_uni) for f in connection.begun] == [(1, 7, 2)]


def test_subscriber_who_says_what_it_shows_is_told_what_it_missed(world):
    """No window is waited for, and the change is the real one."""
    world.truth.book(7, "5")
    world.truth.book(7, "2")
    connection = ConnectionDouble()
    connection.known = 1
    world.service.register_connection(7, connection)
    world.clock.advance(0)
    assert [(f.since, f.uni, f.change_uni) for f in connection.begun] == [(1, 7, 2)]


@pytest.mark.parametrize("known", [2, 2**53])
def test_subscriber_who_says_more_than_there_is_hears_of_the_next_change(world, known):
    """Nobody is left without a word for what was claimed."""
    world.truth.book(7, "5")
    connection = ConnectionDouble()
    connection.known = known
    world.service.register_connection(7, connection)
    world.clock.advance(0)
    world.book("2")
    world.pass_window()
    assert [(f.since, f.change_uni) for f in connection.begun] == [(1, 2)]


def test_change_that_comes_with_the_subscriber_is_told(world):
    """It was booked before anybody could note what the page shows, and notified after that."""
    world.truth.book(7, "5")
    connection = ConnectionDouble()
    world.service.register_connection(7, connection)
    world.book("2")
    world.pass_window()
    late = ConnectionDouble("b")
    world.hint()
    world.service.register_connection(7, late)
    world.pass_window()
    assert [(f.since, f.change_uni) for f in connection.begun] == [(1, 2)]
    assert [(f.since, f.change_uni) for f in late.begun] == [(1, 2)]


def leave(world, connection):
    """End a connection as a socket does that is cut off."""
    connection.is_open, connection.comes_back = False, True
    world.service.remove_connection(7, connection)


def test_page_that_is_back_is_told_what_it_missed_and_once(world):
    """Its new socket takes the place of the one that ended; who comes then has read it all."""
    leave(world, world.connect(known=0))
    world.truth.book(7, "5")
    back, new = ConnectionDouble("b"), ConnectionDouble("c")
    for connection in (back, new):
        world.service.register_connection(7, connection)
        world.clock.advance(0)
    assert [(f.since, f.change_uni) for f in back.begun] == [(0, 5)]
    assert (new.begun, new.base_version) == ([], 1)


def test_page_whose_end_is_found_by_chance_is_remembered_too(world):
    """Whoever is to be told next may find the socket closed before its session says so."""
    connection = world.connect(known=0)
    connection.is_open, connection.comes_back = False, True
    world.book("5")
    world.pass_window()
    world.service.remove_connection(7, connection)
    back, new = ConnectionDouble("b"), ConnectionDouble("c")
    for each in (back, new):
        world.service.register_connection(7, each)
        world.clock.advance(0)
    assert [(f.since, f.change_uni) for f in back.begun] == [(0, 5)]
    assert new.begun == []


@pytest.mark.parametrize("broken", [False, True], ids=["closed", "broken"])
def test_page_that_is_back_is_told_what_its_dead_socket_had_not_begun(world, broken):
    """A frame that waited for its turn was never shown, whoever found out that the socket ended."""
    connection = world.connect(known=0)
    connection.slow = connection.comes_back = True
    world.book("5")
    world.pass_window()
    assert (connection.base_version, connection.begun) == (1, [])
    connection.is_open, connection.broken = broken, broken
    world.book("2")
    world.pass_window()
    world.service.remove_connection(7, connection)
    back = ConnectionDouble("b")
    world.service.register_connection(7, back)
    world.clock.advance(0)
    assert [(f.since, f.version, f.change_uni) for f in back.begun] == [(0, 2, 7)]


def test_page_that_is_back_and_missed_nothing_is_sent_nothing(world):
    """Neither a change nor the balance."""
    world.truth.book(7, "5")
    leave(world, world.connect())
    back = ConnectionDouble("b")
    world.service.register_connection(7, back)
    world.clock.advance(0)
    assert (back.begun, back.base_version) == ([], 1)


def test_page_that_another_service_told_is_remembered_when_it_was_told_again(world):
    """What was overheard once says nothing of a page that was shown newer state since."""
    connection = world.connect(known=0)
    world.truth.book(7, "1")
    connection.overheard = legacy_frame("1")
    world.hint()
    world.pass_window()
    world.book("2")
    world.pass_window()
    leave(world, connection)
    world.truth.book(7, "5")
    back = ConnectionDouble("b")
    world.service.register_connection(7, back)
    world.clock.advance(0)
    assert [(f.since, f.change_uni) for f in back.begun] == [(2, 5)]


def test_socket_that_was_back_and_goes_to_another_user_shows_nothing_of_the_first(world):
    """What its page knew of one user is no version of the other."""
    leave(world, world.connect(known=0))
    for user_id in (7, 7, 7, 8):
        world.truth.book(user_id, "5")
    back = ConnectionDouble("b")
    world.service.register_connection(7, back)
    world.clock.advance(0)
    world.service.remove_connection(7, back)
    world.service.register_connection(8, back)
    world.clock.advance(0)
    world.book("2", user_id=8)
    world.pass_window()
    assert [(f.user_id, f.since, f.change_uni) for f in back.begun] == [(7, 0, 15), (8, 1, 2)]


def test_subscriber_who_is_not_served_is_sent_nothing(world):
    """Only the version that its page shows is remembered, for the day it is served."""
    world.unserved.add(7)
    world.truth.book(7, "5")
    connection = world.connect()
    assert (connection.begun, connection.base_version) == ([], 1)
    world.truth.book(7, "1")
    world.unserved.clear()
    world.hint()
    world.pass_window()
    assert [frame.change_uni for frame in connection.begun] == [Decimal(1)]


def test_unknown_user_is_sent_nothing(world):
    """A user whom the database does not have is no error."""
    connection = ConnectionDouble()
    world.service.register_connection(99, connection)
    world.hint(99)
    world.pass_window()
    assert (connection.begun, connection.base_version) == ([], None)
    assert not world.service.is_pending(99)


def test_registration_takes_what_the_page_shows_at_its_word(world):
    """A connection with a version needs no greeting and no read."""
    connection = world.connect(known=0)
    assert (connection.begun, world.truth.reads) == ([], [])


def test_what_another_service_showed_is_not_shown_again(world):
    """A legacy frame is placed at its version; changes count from there."""
    connection = world.connect(known=0)
    for amount in ("1", "2", "4"):
        world.truth.book(7, amount)
    connection.overheard = legacy_frame("3.0000000000000004")
    world.hint()
    world.pass_window()
    (frame,) = connection.begun
    assert (frame.since, frame.version, frame.change_uni) == (2, 3, Decimal(4))


def test_page_that_already_shows_the_truth_is_left_alone(world):
    """A legacy frame with the newest balances leaves nothing to say."""
    connection = world.connect(known=0)
    world.truth.book(7, "1")
    connection.overheard = legacy_frame("1")
    world.hint()
    world.pass_window()
    assert connection.begun == []


@pytest.mark.parametrize("text", [legacy_frame("77"), '{"type":"balance_update"}', "null"])
def test_overheard_frame_without_a_place_changes_nothing(world, text):
    """A balance that was never booked, or no balance at all, is passed over."""
    connection = world.connect(known=0)
    connection.overheard = text
    world.book("1")
    world.pass_window()
    assert [(frame.since, frame.version) for frame in connection.begun] == [(0, 1)]


def test_frame_overheard_during_the_read_is_placed_first(world):
    """Nothing is said on top of what another service said since; a moment later it is."""
    connection = world.connect(known=0)
    world.truth.book(7, "1")
    world.book("2")

    def overhear():
        world.truth.before_answering = None
        connection.overheard = legacy_frame("1")

    world.truth.before_answering = overhear
    world.clock.advance(0.15)
    assert connection.begun == []
    world.pass_window()
    assert [(f.since, f.change_uni) for f in connection.begun] == [(1, Decimal(2))]


def test_connection_removed_during_the_read_is_sent_nothing(world):
    """What was read for it goes nowhere, and it forgets its version."""
    connection = world.connect(known=0)
    world.book()
    world.truth.before_answering = lambda: world.service.remove_connection(7, connection)
    world.pass_window()
    assert (connection.offered, connection.base_version) == ([], None)


def test_removing_what_is_not_there_changes_nothing(world):
    """An unknown connection or user is ignored."""
    connection = world.connect(known=3)
    world.service.remove_connection(8, connection)
    world.service.remove_connection(7, ConnectionDouble())
    assert world.service.connections_of(7) == (connection,)
    assert connection.base_version == 3


def test_hint_during_the_read_is_not_lost(world):
    """What is booked after the read was made is shown by a window of its own."""
    connection = world.connect(known=0)
    world.book()

    def book_more():
        world.truth.before_answering = None
        world.book()

    world.truth.before_answering = book_more
    world.pass_window()
    world.pass_window()
    assert connection.versions == [1, 2]


def test_user_is_pending_from_the_hint_until_it_is_handed_out(world):
    """The time of the read counts as pending."""
    world.connect(known=0)
    seen = []
    world.truth.before_answering = lambda: seen.append(world.service.pending_users())
    assert not world.service.is_pending(7)
    world.book()
    assert world.service.is_pending(7)
    world.pass_window()
    assert seen == [(7,)]
    assert not world.service.is_pending(7)


def test_flush_closes_the_named_windows_now(world):
    """The others wait for their time; a flushed window does not come again."""
    first, second = world.connect(7, known=0), world.connect(8, known=0)
    world.book(user_id=7)
    world.book(user_id=8)
    world.service.flush_pending_updates([7], read_timeout=0.2)
    assert (first.versions, second.versions) == ([1], [])
    assert world.truth.timeouts[-1] == 0.2
    world.service.flush_pending_updates()
    assert second.versions == [1]
    world.truth.reads.clear()
    world.pass_window()
    assert world.truth.reads == []


def test_custom_message_goes_to_each_live_connection(world):
    """Type and data are the caller's own; dead connections are dropped, the rest is served."""
    broken, live = world.connect(name="a", known=0), world.connect(name="b", known=0)
    broken.broken = True
    world.service.send_custom_message(7, "ton_boost_activated", {"amount": Decimal("0.1")})
    (text,) = live.texts
    message = json.loads(text)
    assert message.pop("timestamp").endswith("Z")
    assert message == {"type": "ton_boost_activated", "userId": 7, "data": {"amount": 0.1}}
    assert world.service.connections_of(7) == (live,)


def test_custom_message_that_json_cannot_say_is_refused_by_name(world):
    """The caller is told what to pass instead."""
    world.connect()
    with pytest.raises(TypeError, match=r"data of a 'x' message .* pass numbers"):
        world.service.send_custom_message(7, "x", object())


@pytest.mark.parametrize("shown", ["1", "77"], ids=["an older one", "one that never was"])
def test_page_that_another_service_misled_is_shown_the_balance_again(world, shown):
    """It is told what moves on it, and of no source: what came in was told before."""
    connection = world.connect(known=0)
    world.book("1")
    world.book("2")
    world.pass_window()
    connection.overheard = legacy_frame(shown)
    world.hint()
    world.pass_window()
    repair = connection.begun[-1]
    assert (repair.since, repair.version, repair.uni) == (2, 2, 3)
    assert (repair.change_uni, repair.sources) == (3 - Decimal(shown), ())
    world.hint()
    world.pass_window()
    assert connection.versions == [2, 2]


def test_frame_that_was_found_right_is_not_placed_again(world):
    """One look at what another service showed is enough, however many hints follow."""
    connection = world.connect(known=0)
    world.truth.book(7, "1")
    connection.overheard = legacy_frame("1")
    for _ in range(3):
        world.hint()
        world.pass_window()
    assert (connection.begun, connection.base_version, world.truth.places) == ([], 1, 1)


def test_change_after_a_misleading_frame_is_told_once(world):
    """The balance is repaired by the next change, which counts from what was told before."""
    connection = world.connect(known=0)
    world.book("1")
    world.book("2")
    world.pass_window()
    connection.overheard = legacy_frame("1")
    world.book("4")
    world.pass_window()
    assert [(f.since, f.version, f.change_uni) for f in connection.begun] == [(0, 2, 3), (2, 3, 4)]
