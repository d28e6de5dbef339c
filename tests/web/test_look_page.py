"""The page for looking at the migration."""

from pathlib import Path
from typing import Any

import pytest

from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from tests.web.live import Live, serving, wait_until
from tests.web.markup import Markup

USERS = [10, 22, 17, 74, 31, 33]
"""The demonstration's users in the order of their buckets."""


def follow(live: Live, *, canonical: int, shadow: int = 100) -> None:
    """Set both percentages and let the running application follow them."""
    live.parts.flag_admin.set_percentage(CANONICAL_FLAG, canonical)
    live.parts.flag_admin.set_percentage(SHADOW_FLAG, shadow)
    wait_until(lambda: state_of(live)["canonical_percent"] == canonical)
    wait_until(lambda: state_of(live)["shadow_percent"] == shadow)


def roll_back(live: Live, *, who: str, why: str) -> None:
    """Engage the latch as another process does, and let the application follow."""
    latch = KillSwitch([FileLatchStore(live.parts.settings.latch_file)])
    latch.engage(who=who, why=why)
    wait_until(lambda: state_of(live)["stage"] == "rolled_back")


def state_of(live: Live) -> dict[str, Any]:
    """Return what the page is told."""
    state: dict[str, Any] = live.get("/look/state.json").json
    return state


def sides(live: Live) -> dict[int, str]:
    """Return who serves each user, as the page is told."""
    return {user["id"]: user["side"] for user in state_of(live)["users"]}


def test_users_stand_in_the_order_of_their_buckets(live: Live) -> None:
    """One card per user, so ordered that a ramp moves them from first to last."""
    cards = [name for name in Markup(live.get("/").text).texts if name.startswith("card-")]

    assert cards == [f"card-{user}" for user in USERS]


def test_a_card_begins_with_what_the_database_holds(live: Live) -> None:
    """The page's own balance is that of the moment it was opened."""
    page = Markup(live.get("/").text)

    assert page.texts["page-uni-74"] == page.texts["booked-uni-74"] == "2048.000000"
    assert page.texts["side-74"] == "legacy"
    assert page.texts["bucket-74"] == "bucket 67"


def test_the_page_says_what_frames_cost_the_api(live: Live) -> None:
    """By the settings in force: how often a tick comes, and over how long its reads are spread."""
    said = " ".join(live.get("/").text.split())
    assert "a farming tick, every 300 s, makes one read for each page that canonical serves" in said
    assert "10,000 reads, spread over 5 s. A page is rung for at most once in 1 s." in said


def test_only_users_with_a_boost_can_be_paid_one(live: Live) -> None:
    """The boost's button works where the boost scheduler has somebody to pay."""
    attributes = Markup(live.get("/").text).attributes

    able = [user for user in USERS if "disabled" not in attributes[f"book-boost-{user}"]]
    assert able == [22, 31]


def test_the_state_follows_the_flags(live: Live) -> None:
    """Half of the buckets make half of the users canonical, and the stage a ramp."""
    follow(live, canonical=50)
    state = state_of(live)

    assert (state["stage"], state["verified"], state["canonical_percent"]) == ("ramp", True, 50)
    assert sides(live) == {
        10: "canonical",
        22: "canonical",
        17: "canonical",
        74: "legacy",
        31: "legacy",
        33: "legacy",
    }


def test_a_ramp_without_a_shadow_is_not_verified(live: Live) -> None:
    """Moving users while nothing is compared is said on the page."""
    follow(live, canonical=50, shadow=0)

    assert state_of(live)["verified"] is False


def test_a_rollback_names_who_and_why(live: Live) -> None:
    """While the latch is on, everybody is on legacy and the page knows by whom."""
    follow(live, canonical=100)
    roll_back(live, who="olga", why="pages show nonsense")
    state = state_of(live)

    assert (state["stage"], state["latch"]["who"]) == ("rolled_back", "olga")
    assert state["latch"]["why"] == "pages show nonsense"
    assert set(sides(live).values()) == {"legacy"}


def test_the_state_holds_the_last_minute_of_each_user(live: Live) -> None:
    """What was booked is there with the balance after it, exact and as text."""
    live.order(user=74, kind="farming", amount="0.000001")
    [user] = [u for u in state_of(live)["users"] if u["id"] == 74]

    assert user["uni"] == "2048.000001"
    assert user["steps"][-1][1] == "2048.000001"


@pytest.mark.parametrize("path", ["/", "/look/state.json"])
def test_outside_the_demonstration_there_is_no_look_page(tmp_path: Path, path: str) -> None:
    """Nobody is shown other people's balances."""
    with serving(tmp_path, demo=False) as live:
        assert live.get(path).status == 404


def test_outside_the_demonstration_nobody_books(tmp_path: Path) -> None:
    """Nobody books a reward by asking for it."""
    with serving(tmp_path, demo=False, admission="off") as live:
        assert live.order(user=74, kind="mission").status == 404
        assert "2048.000000" in live.get("/u/74").text


def test_a_broken_flag_file_leaves_a_page_without_buckets(tmp_path: Path) -> None:
    """Where no flag was ever loaded, everybody is on legacy and the page still opens."""
    (tmp_path / "flags.json").write_text("<html>not flags</html>")
    with serving(tmp_path) as live:
        assert live.get("/").status == 200
        state = state_of(live)
        assert {user["bucket"] for user in state["users"]} == {None}
        assert set(sides(live).values()) == {"legacy"}
