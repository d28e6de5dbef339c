"""Who opens a socket or a page: what the request says of itself, and who it is proven to be."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import Flask, Request, request, session
from flask.sessions import SecureCookieSessionInterface

from app.notifications.proofs import InitData, Proof, Token
from flags.user_id import InvalidUserIdError, user_id_of

MOST_SIGNED_IN = 32
"""Users in one session: the demonstration shows several side by side."""
_USERS = "users"


class ProofError(ValueError):
    """What was shown proves nothing; `flaw` says why, the message what to do."""

    def __init__(self, flaw: str, message: str) -> None:
        super().__init__(message)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class OfUser:
    """A proof of a `users.id`; `until` is a unix time."""

    user_id: int
    until: float


@dataclass(frozen=True, slots=True)
class OfTelegram:
    """A proof of a Telegram account, which is the `users.telegram_id` of at most one user."""

    telegram_id: int
    until: float


Vouched = OfUser | OfTelegram


@dataclass(frozen=True, slots=True)
class Identity:
    """The users for whom somebody may listen, each until a unix time."""

    users: Mapping[int, float]


NOBODY = Identity(MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Handshake:
    """The part of a request that admission looks at.

    `own_origin` is the origin under which the service was reached; `proof` was sent in the
    header `Authorization` by a client that is no browser, as `tma …` or `Bearer …`.
    """

    origin: str | None
    own_origin: str
    session: Identity = NOBODY
    proof: Proof | None = None


def handshake_of(request: Request) -> Handshake:
    """Read a request, and the session that belongs to it."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return Handshake(
        origin=request.headers.get("Origin"),
        own_origin=f"{request.scheme}://{request.host}",
        session=signed_in(),
        proof=_proof_of(scheme.lower(), credentials.strip()),
    )


def _proof_of(scheme: str, credentials: str) -> Proof | None:
    match scheme:
        case "tma":
            return InitData(credentials)
        case "bearer":
            return Token(credentials)
    return None


class SessionsUnderPrefix(SecureCookieSessionInterface):
    """Keeps the cookie to the path under which the application is served."""

    def get_cookie_path(self, app: Flask) -> str:
        """Return the prefix, which a proxy names with each request."""
        return request.script_root or "/"


def signed_in() -> Identity:
    """Return who the request's session, which was signed by us, is good for now."""
    now = time.time()
    try:
        users = {user_id_of(user): float(until) for user, until in session.get(_USERS, ())}
    except (InvalidUserIdError, TypeError, ValueError):
        return NOBODY
    return Identity({user: until for user, until in users.items() if until > now})


def sign_in(users: Mapping[int, float]) -> None:
    """Add users to the session, each until a unix time; the first ones leave if there are too many.

    A proof that is shown again, and lasts longer, prolongs its user's part of the session.
    """
    others = [pair for pair in signed_in().users.items() if pair[0] not in users]
    session[_USERS] = [*others, *users.items()][-MOST_SIGNED_IN:]
    session.permanent = True  # it ends by its time on our side, too, not with the browser
