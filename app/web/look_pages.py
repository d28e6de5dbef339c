"""The page for looking at the migration; it exists in the demonstration only."""

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, render_template, request

from app.parts import parts
from app.web.bodies import BadBodyError, json_object
from app.web.identity import sign_in
from app.web.look import look_at
from app.web.orders import SHAPE, OrderRefused, book_order, read_order
from app.web.rewards import REWARDS

MOST_BYTES = 256 * 1024
"""An order of a reward is some 60 bytes; one of up to so many is told what is wrong with it."""

look_pages = Blueprint("look", __name__)


@look_pages.before_request
def _only_in_the_demonstration() -> None:
    """Answer 404 elsewhere: these views show anybody's money and book some."""
    if not parts().settings.demo:
        abort(404)


@look_pages.get("/")
def look() -> str:
    """Show several users side by side: what is booked for them, and what reaches their page."""
    shown = look_at(parts(), now=datetime.now(UTC))
    sign_in({user.id: session_end() for user in shown.users})  # the page opens a socket for each
    buttons = [reward for reward in REWARDS.values() if reward.has_button]
    settings = parts().settings
    return render_template("look.html", look=shown, rewards=buttons, settings=settings)


def session_end() -> float:
    """Return until when a page of the demonstration signs its users in, in unix seconds."""
    return time.time() + parts().settings.init_data_age_s


@look_pages.get("/look/state.json")
def state() -> dict[str, Any]:
    """Answer with the present stage, users and balances."""
    return look_at(parts(), now=datetime.now(UTC)).as_json()


@look_pages.post("/look/reward")
def reward() -> tuple[dict[str, Any], int]:
    """Book `{"user": 74, "kind": "mission"}` through the caller that pays it in production.

    Takes nothing but JSON, which no form of a foreign page can send.
    """
    if not request.is_json:
        return _refusal("is not sent as Content-Type: application/json")
    try:
        order = read_order(json_object(request, most_bytes=MOST_BYTES))
        booked = book_order(parts(), order)
    except BadBodyError as error:
        return _refusal(str(error))
    except OrderRefused as refused:
        return {"message": str(refused)}, refused.status
    return booked, 201


def _refusal(why: str) -> tuple[dict[str, Any], int]:
    return {"message": f"The body {why}: {SHAPE}."}, HTTPStatus.BAD_REQUEST
