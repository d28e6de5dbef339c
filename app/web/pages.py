"""The user's page, and what all pages have in common."""

from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from app.errors import DatabaseUnavailable
from app.parts import parts
from app.web.identity import handshake_of, sign_in
from app.web.look_pages import look_pages, session_end
from app.web.page_access import Denied, may_look
from app.web.readings import account_of, latest_movements
from app.web.strangers import for_strangers
from app.web.words import SOURCE_ICONS, SOURCE_NAMES, described
from flags.user_id import InvalidUserIdError, user_id_of

EARLIER = 6
"""Transactions from before the page was opened that it lists."""

CONTENT_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'"

pages = Blueprint("pages", __name__)
pages.register_blueprint(look_pages)


@pages.get("/u/<user_id>")
def user(user_id: str) -> Any:
    """Show one user's balance, which keeps itself up to date."""
    try:
        wanted = user_id_of(user_id)
    except InvalidUserIdError as error:
        return _problem(404, "No such user", f"{error}.")
    if (denied := _let_in(wanted)) is not None:
        return _problem(denied.status, denied.title, denied.message)
    with parts().database.reading() as session:
        account = account_of(session, wanted)
        movements = latest_movements(session, wanted, EARLIER)
    if account is None:
        return _problem(404, "No such user", f"There is no user {wanted}: check the address.")
    if parts().settings.demo:
        sign_in({wanted: session_end()})
    return render_template("user.html", user=account, earlier=[described(m) for m in movements])


def _let_in(user_id: int) -> Denied | None:
    """Say why this user's page is not shown, None if it is; keep a session for who proved it."""
    if parts().settings.demo:
        return None  # it shows anybody everybody: it must not be reachable by strangers
    decided = may_look(parts().admission, handshake_of(request), user_id)
    if isinstance(decided, Denied):
        return decided
    if user_id in decided.users:
        sign_in({user_id: decided.users[user_id]})
    return None


@pages.context_processor
def _words() -> dict[str, Any]:
    return {"source_names": SOURCE_NAMES, "source_icons": SOURCE_ICONS}


@pages.after_request
def _keep_to_ourselves(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


@pages.errorhandler(DatabaseUnavailable)
def _without_database(error: DatabaseUnavailable) -> tuple[Any, int]:
    current_app.logger.error("a page needs the database: %s", error)
    settings = parts().settings
    if request.path.startswith("/look/"):
        return {"message": for_strangers(f"The database cannot be used: {error}.", settings)}, 503
    return _problem(503, "The balance cannot be read just now", "Try again in a moment.")


def _problem(status: int, title: str, message: str) -> tuple[str, int]:
    page = render_template("problem.html", status=status, title=title, message=message)
    return page, status
