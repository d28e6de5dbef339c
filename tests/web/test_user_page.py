"""The page that the user of the mini app sees."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.credits import Credit
from app.money import Currency
from tests.web.live import Live, serving
from tests.web.markup import Markup

MINUS = "\N{MINUS SIGN}"


def farming(amount: str, key: str) -> Credit:
    """Return a farming reward for user 74."""
    return Credit(
        user_id=74,
        currency=Currency.UNI,
        amount=Decimal(amount),
        source="UNI_farming_income",
        idempotency_key=key,
    )


def test_the_page_shows_both_balances_with_six_decimals(live: Live) -> None:
    """Whoever opens the page sees what the database holds, to the last place."""
    page = Markup(live.get("/u/74").text)

    assert page.texts["balance-uni"] == "2048.000000"
    assert page.texts["balance-ton"] == "7.400000"


def test_the_page_is_not_fooled_by_the_cache(live: Live) -> None:
    """A reward booked past the balance manager, whose cache is older, is on the page."""
    live.parts.manager.get_user_balance(74)
    live.parts.processor.process([farming("0.000001", "past the cache")])

    assert Markup(live.get("/u/74").text).texts["balance-uni"] == "2048.000001"


def test_the_page_lists_what_came_in_before(live: Live) -> None:
    """The newest transactions are listed first, in words and with their sign."""
    live.parts.processor.process([farming("1.5", "first")])
    live.order(user=74, kind="withdrawal", amount="0.25")

    earlier = " ".join(Markup(live.get("/u/74").text).texts["earlier"].split())

    assert earlier.startswith("Withdrawal")
    assert earlier.index(f"{MINUS}0.250000 UNI") < earlier.index("Farming reward")
    assert "+1.500000 UNI" in earlier


def test_an_unknown_source_is_shown_as_it_is(live: Live) -> None:
    """Nobody had to teach the page a source for it to show one, markup included."""
    credit = farming("1", "odd")
    live.parts.manager.change_balance(
        Credit(
            user_id=credit.user_id,
            currency=credit.currency,
            amount=credit.amount,
            source="<b>airdrop</b>",
            idempotency_key="odd",
        )
    )

    assert "<b>airdrop</b>" in Markup(live.get("/u/74").text).texts["earlier"]


def test_an_unknown_user_gets_a_page_that_says_so(live: Live) -> None:
    """A user id that nobody has is answered with 404 and the id."""
    answer = live.get("/u/75")

    assert answer.status == 404
    assert Markup(answer.text).texts["problem"] == "There is no user 75: check the address."


@pytest.mark.parametrize("text", ["0", "-1", "07", "7.0", "abc", "%207%20", "9007199254740992"])
def test_what_is_no_user_id_is_named(live: Live, text: str) -> None:
    """An address without a user id is answered with 404 and what an id looks like."""
    answer = live.get(f"/u/{text}")

    assert answer.status == 404
    assert "is not a user id: give a whole number" in Markup(answer.text).texts["problem"]


def test_the_page_loads_nothing_from_elsewhere(live: Live) -> None:
    """Every address that the page names is the application's own, and the browser is told so."""
    answer = live.get("/u/74")

    assert all(address.startswith(("/static/", "#")) for address in Markup(answer.text).addresses)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_everything_that_the_page_names_is_there(live: Live) -> None:
    """No style, script or icon that a page names is missing."""
    for path in ("/", "/u/74"):
        named = Markup(live.get(path).text).addresses
        assert {live.get(each).status for each in named if each.startswith("/")} == {200}


def test_a_balance_is_never_kept_by_a_cache_on_the_way(live: Live) -> None:
    """Reloading always asks the server, for the balance may be another."""
    assert live.get("/u/74").headers["Cache-Control"] == "no-store"


def test_without_the_database_the_page_says_so(live: Live, tmp_path: Path) -> None:
    """A database that cannot be read is answered with 503, without its inner details."""
    live.parts.database.dispose()
    for file in tmp_path.glob("app.db*"):
        file.unlink()
    (tmp_path / "app.db").write_text("this is no database, and long enough to be refused\n" * 99)

    answer = live.get("/u/74")

    assert answer.status == 503
    assert Markup(answer.text).texts["problem"] == "Try again in a moment."


def test_outside_the_demonstration_the_user_page_is_there(tmp_path: Path) -> None:
    """The user's page does not belong to the demonstration; whose it is, tests/admission asks."""
    with serving(tmp_path, demo=False, admission="off") as live:
        assert live.get("/u/74").status == 200
