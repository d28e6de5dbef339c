"""Who may look at a user's page outside the demonstration: whoever is proven to be that user.

By the same modes as for sockets: `enforce` turns others away, `report-only` counts them, `off`
does not look.
"""

from dataclasses import dataclass
from http import HTTPStatus

from app.web.admission import Admission, Mode, Why
from app.web.identity import NOBODY, Handshake, Identity, ProofError


@dataclass(frozen=True, slots=True)
class Denied:
    """The page is not shown."""

    status: HTTPStatus
    title: str
    message: str


def may_look(admission: Admission, handshake: Handshake, user_id: int) -> Identity | Denied:
    """Decide whether the page of this user is shown.

    Returns who was proven by this very request, and so may be signed in. Raises
    DatabaseUnavailable.
    """
    if admission.mode is Mode.OFF:
        return NOBODY
    proven = NOBODY
    if handshake.proof is not None:
        try:
            proven = admission.identify(handshake.proof)
        except ProofError as error:
            return _not_signed_in(f"{error}.") if admission.refuses(error.flaw) else NOBODY
    users = proven.users or handshake.session.users
    if user_id in users:
        return proven
    if users:
        return _somebody_else() if admission.refuses(Why.PAGE_OF_SOMEBODY_ELSE) else NOBODY
    why = "Open the app from Telegram: it says who you are."
    return _not_signed_in(why) if admission.refuses(Why.PAGE_NOT_SIGNED_IN) else NOBODY


def _not_signed_in(message: str) -> Denied:
    return Denied(HTTPStatus.UNAUTHORIZED, "Who are you?", message[:1].upper() + message[1:])


def _somebody_else() -> Denied:
    return Denied(
        HTTPStatus.FORBIDDEN,
        "Not your page",
        "This is somebody else's balance: open your own from the app.",
    )
