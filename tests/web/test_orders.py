"""Booking a reward from the look page."""

from pathlib import Path

import pytest

from tests.web.live import Answer, Live

BOOKED = {
    "farming": ("UNI_farming_income", "0.500000", "UNI"),
    "boost": ("boost_income", "0.003125", "TON"),
    "referral": ("referral_reward", "5.000000", "UNI"),
    "mission": ("mission", "10.000000", "UNI"),
    "daily_bonus": ("daily_bonus", "1.000000", "UNI"),
    "withdrawal": ("withdrawal", "-2.500000", "UNI"),
    "deposit": ("WalletService.processTonDeposit", "1.000000", "TON"),
    "purchase": ("subtractBalance", "-0.500000", "TON"),
    "correction": ("setBalance", "-0.250000", "UNI"),
    "airdrop": ("addBalance", "3.000000", "UNI"),
}


def balance(live: Live, user: int) -> tuple[str, str]:
    """Return what the database holds for a user, UNI and TON."""
    [found] = [u for u in live.get("/look/state.json").json["users"] if u["id"] == user]
    return found["uni"], found["ton"]


def refusal(answer: Answer) -> tuple[int, str]:
    """Return the status and what is said."""
    return answer.status, answer.json["message"]


@pytest.mark.parametrize("kind", BOOKED)
def test_each_kind_is_booked_by_its_own_caller(live: Live, kind: str) -> None:
    """What is booked carries the source, amount and currency of its caller."""
    answer = live.order(user=31, kind=kind)

    booked = tuple(answer.json[field] for field in ("source", "amount", "currency"))
    assert (answer.status, booked) == (201, BOOKED[kind])


def test_a_reward_is_in_the_database_when_the_answer_comes(live: Live) -> None:
    """Whoever was told 'booked' finds it in the balance."""
    live.order(user="74", kind="mission", amount="0.000001")

    assert balance(live, 74) == ("2048.000001", "7.400000")


def test_every_press_of_a_button_books_once(live: Live) -> None:
    """Two presses are two rewards, the boost's included."""
    for kind in ("farming", "boost"):
        live.order(user=31, kind=kind)
        live.order(user=31, kind=kind)

    assert balance(live, 31) == ("731.000000", "42.006250")


def test_the_daily_bonus_is_paid_once_a_day(live: Live) -> None:
    """The second press is told that nothing was booked again."""
    live.order(user=74, kind="daily_bonus")
    again = live.order(user=74, kind="daily_bonus")

    assert again.json["duplicate"] is True
    assert "nothing was booked again" in again.json["message"]
    assert balance(live, 74)[0] == "2049.000000"


def test_a_user_without_a_boost_is_told_so(live: Live) -> None:
    """The scheduler would pay them nothing, and nobody else is paid either."""
    status, message = refusal(live.order(user=74, kind="boost"))

    assert (status, balance(live, 31)[1]) == (409, "42.000000")
    assert message.startswith("User 74 has no boost")


def test_more_than_there_is_cannot_be_withdrawn(live: Live) -> None:
    """A debit below zero is refused by name, and nothing is booked."""
    status, message = refusal(live.order(user=74, kind="withdrawal", amount="2048.000001"))

    assert (status, balance(live, 74)[0]) == (409, "2048.000000")
    assert "2048.000001" in message


@pytest.mark.parametrize("kind", BOOKED)
def test_an_unknown_user_is_named(live: Live, kind: str) -> None:
    """Nobody is booked for who has no account."""
    status, message = refusal(live.order(user=75, kind=kind))

    assert status == (409 if kind == "boost" else 404)
    assert "75" in message


def test_a_balance_cannot_grow_beyond_what_a_browser_can_show(live: Live) -> None:
    """A credit above the largest balance is refused by name."""
    status, message = refusal(live.order(user=74, kind="farming", amount="9000000000"))

    assert (status, balance(live, 74)[0]) == (409, "2048.000000")
    assert "9000000000" in message


def test_a_database_that_is_gone_is_said(live: Live, tmp_path: Path) -> None:
    """An order that cannot be booked is answered with 503 and a sentence."""
    live.parts.database.dispose()
    for file in tmp_path.glob("app.db*"):
        file.unlink()
    (tmp_path / "app.db").write_text("this is no database, and long enough to be refused\n" * 99)

    status, message = refusal(live.order(user=74, kind="mission"))

    assert status == 503
    assert message.startswith("The database cannot be used")
