"""The scenes of which lives are made: each is one kind of trouble, with its own chances."""

from collections.abc import Callable

from shim.balance.life.draft import SOON_S, TOLD_S, Draft
from shim.balance.life.events import Kind

MOST_TABS = 4
_STEPS = (3600.0, -3600.0, 86_400.0, -86_400.0, -5.0, 90.0)
_SILENCES = (20.0, 100.0, 400.0, 1000.0, 4000.0, 90_000.0)

Scene = Callable[[Draft], None]


def _a_late_page(draft: Draft) -> None:
    """Let one more tab come, and be told what comes in then."""
    draft.told(times=draft.chance.choice((1, 2)))
    draft.opens()
    draft.told()


def _a_page_in_a_window(draft: Draft) -> None:
    """Let a tab come while a window is open: it has read what the others are yet to be told."""
    draft.tells()
    draft.passes(0.05)
    draft.opens()
    draft.passes(TOLD_S)
    draft.told()


def _a_page_comes_back(draft: Draft) -> None:
    """Let a socket end, something come in, and the page be back on another socket."""
    many = draft.chance.choice((1, 1, 2))
    for page in draft.tabs(many)[:many]:
        draft.ends(page, Kind.DROPS)
    draft.passes(draft.chance.choice((0.05, 1.0, 5.0, 400.0)))
    draft.told(times=draft.chance.choice((1, 2, 3)))
    for _ in range(many):
        draft.opens(lacks=draft.chance.choice((0, 0, 0, 1, 2)))
    draft.passes(TOLD_S)
    draft.told()


def _somebody_else_comes(draft: Draft) -> None:
    """Let a page of one end, and one of another's come in its place."""
    draft.told(1)
    page = draft.tabs(1)[0]
    draft.ends(page, draft.chance.choice((Kind.DROPS, Kind.LEAVES)))
    draft.opens(1)
    draft.told(1)
    draft.opens()
    draft.told()


def _a_page_leaves(draft: Draft) -> None:
    """Close one tab of several while a window is open: the others are told."""
    tabs = draft.tabs(draft.chance.choice((2, 3)))
    draft.tells()
    draft.passes(0.05)
    draft.ends(draft.chance.choice(tabs), draft.chance.choice((Kind.DROPS, Kind.LEAVES)))
    draft.passes(TOLD_S)
    draft.told()


def _within_a_read(draft: Draft) -> None:
    """Let a page break, leave or come, or something be booked, while the database is read."""
    draft.tabs(draft.chance.choice((2, 3, 3, 4)))
    if draft.chance.random() < 0.5:
        draft.tabs(1, who=1)
        draft.tells(1)
    draft.tells()
    for what in draft.chance.sample(("breaks", "leaves", "comes", "books"), 2):
        mine = draft.of(0)
        if what in ("breaks", "leaves") and len(mine) > 1:
            # Seldom the last one: those after it in the order are told next.
            page = draft.chance.choice(mine[:-1])
            draft.ends(page, Kind.BREAKS if what == "breaks" else Kind.LEAVES, within=True)
        elif what == "comes":
            draft.opens(within=True)
        else:
            draft.tells(within=True)
    draft.passes(TOLD_S + TOLD_S)
    draft.told()


def _a_page_breaks(draft: Draft) -> None:
    """End a socket without a word to the service: the user's others are told."""
    tabs = draft.tabs(draft.chance.choice((2, 3)))
    draft.ends(draft.chance.choice(tabs), Kind.BREAKS)
    draft.told()
    draft.told()


def _silence(draft: Draft) -> None:
    """Let nothing happen for long, and then something."""
    draft.passes(draft.chance.choice(_SILENCES))
    draft.told()
    draft.told()


def _a_slow_page(draft: Draft) -> None:
    """Let a page take nothing while frames come, which are merged, and then what there is."""
    slow = draft.chance.choice(draft.tabs(2))
    draft.add(Kind.SLOWS, page=slow)
    for _ in range(draft.chance.choice((2, 2, 3))):
        draft.told(times=draft.chance.choice((1, 2)))
    draft.add(Kind.TAKES, page=slow)
    draft.passes(2.5)
    draft.told()


def _another_service(draft: Draft) -> None:
    """Let another service have the user for a while, once or more often."""
    for _ in range(draft.chance.choice((1, 2, 3))):
        slow = draft.chance.random() < 0.3 and draft.chance.choice(draft.tabs(2))
        if slow:
            draft.add(Kind.SLOWS, page=slow)
        if draft.chance.random() < 0.5:
            draft.tells()
            draft.passes(draft.chance.choice((0.05, TOLD_S)))
        draft.add(Kind.LOST)
        if slow:
            draft.add(Kind.TAKES, page=slow)
        draft.passes(draft.chance.choice((0.05, 1.5, 70.0)))
        draft.tells(rising=True)
        draft.passes(TOLD_S)
        if draft.chance.random() < 0.5:
            draft.add(Kind.LEGACY)
            draft.passes(0.05)
        elif draft.chance.random() < 0.4:
            draft.opens()
        if draft.chance.random() < 0.5:
            draft.tells(rising=True)
            draft.passes(1.5)
        draft.add(Kind.GAINED)
        draft.passes(TOLD_S)
        draft.told()


def _reads_fail(draft: Draft) -> None:
    """Let several reads fail on end, and perhaps again a little later."""
    if draft.chance.random() < 0.4:
        draft.passes(2.0)
        draft.add(Kind.FAILS, count=draft.chance.choice((1, 2, 4)))
        draft.opens()
        draft.passes(6.0)
        draft.add(Kind.FAILS, count=0)
        draft.told()
    for _ in range(draft.chance.choice((1, 1, 2))):
        draft.tabs(draft.chance.choice((1, 2)))
        draft.tells()
        draft.add(Kind.FAILS, count=draft.chance.choice((1, 2, 3, 4, 6, 9, 12)))
        draft.passes(0.3)
        if draft.chance.random() < 0.5:
            draft.tells(draft.chance.choice((0, 0, 1)))
        if draft.chance.random() < 0.4:
            draft.opens(within=draft.chance.random() < 0.2)
        draft.passes(12.0)
        draft.add(Kind.FAILS, count=0)
        draft.told()


def _the_clock_is_set(draft: Draft) -> None:
    """Set the wall clock, between windows or while one is open."""
    draft.told()
    if draft.chance.random() < 0.5:
        draft.tells()
        draft.passes(0.03)
    draft.add(Kind.STEPS, seconds=draft.chance.choice(_STEPS))
    draft.passes(0.02)
    draft.told()
    draft.told()


def _a_socket_moves(draft: Draft) -> None:
    """Let a socket subscribe for somebody else, and then for the first one again."""
    page = draft.chance.choice(draft.tabs(2))
    draft.told(1)
    for who in (1, 0):
        draft.moves(page, who)
        draft.told(0)
        draft.told(1)


def _it_subscribes_again(draft: Draft) -> None:
    """Let a page subscribe again and again: it is told once, and is gone when it leaves."""
    page = draft.chance.choice(draft.tabs(1))
    for _ in range(draft.chance.choice((1, 2))):
        draft.add(Kind.AGAIN, page=page)
    draft.passes(SOON_S)
    draft.told()
    draft.add(Kind.AGAIN, page=page)
    draft.tells()
    draft.add(Kind.AGAIN, page=page)
    draft.passes(TOLD_S)
    if draft.chance.random() < 0.5:
        draft.ends(page, Kind.LEAVES)
        draft.opens()
    elif draft.chance.random() < 0.5:
        draft.moves(page, 1)
        draft.told(1)
    draft.told()


def _a_streak(draft: Draft) -> None:
    """Let something come in again and again, before a window closes for want of hints."""
    draft.tabs(1)
    for _ in range(draft.chance.choice((5, 9))):
        draft.tells()
        draft.passes(0.08)


def _callers_speak(draft: Draft) -> None:
    """Send messages of callers' own types, before and between balances."""
    slow = draft.chance.random() < 0.5 and draft.chance.choice(draft.tabs(2))
    if slow:
        draft.add(Kind.SLOWS, page=slow)
    for _ in range(draft.chance.choice((2, 3))):
        draft.texts += 1
        draft.add(Kind.SAYS, count=draft.texts)
        draft.told()
    if slow:
        draft.add(Kind.TAKES, page=slow)
        draft.passes(2.5)


def _all_is_flushed(draft: Draft) -> None:
    """Close windows before their time, of two people."""
    draft.tabs(1, who=1)
    draft.tells()
    draft.tells(1, times=2)
    draft.passes(0.02)
    draft.add(Kind.FLUSHES)
    draft.told()


def _many_tabs(draft: Draft) -> None:
    """Open more tabs than most have, which come and go."""
    draft.tabs(MOST_TABS)
    draft.told()
    for page in draft.of(0)[1:3]:
        draft.ends(page, draft.chance.choice((Kind.DROPS, Kind.LEAVES)))
        draft.told()


SCENES_OF_ALL_KINDS: tuple[Scene, ...] = (
    _a_late_page,
    _a_page_in_a_window,
    _a_page_comes_back,
    _somebody_else_comes,
    _a_page_leaves,
    _within_a_read,
    _a_page_breaks,
    _silence,
    _a_slow_page,
    _another_service,
    _reads_fail,
    _the_clock_is_set,
    _a_socket_moves,
    _it_subscribes_again,
    _a_streak,
    _callers_speak,
    _all_is_flushed,
    _many_tabs,
)
