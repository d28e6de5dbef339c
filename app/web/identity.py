"""Who opens a socket: what the handshake says of itself, and who it is proven to be."""

from dataclasses import dataclass, field

from flask import Request, session

from flags.user_id import InvalidUserIdError, user_id_of

MOST_SIGNED_IN = 32
"""Users in one session: the demonstration shows several side by side."""
_USERS = "users"


@dataclass(frozen=True, slots=True)
class Identity:
    """The users for whom somebody may listen, one outside the demonstration."""

    users: frozenset[int]


NOBODY = Identity(frozenset())


@dataclass(frozen=True, slots=True)
class Handshake:
    """The part of an upgrade request that admission looks at.

    `own_origin` is the origin under which the service was reached; `init_data` was sent in
    the header `Authorization: tma …` by a client that is no browser.
    """

    origin: str | None
    own_origin: str
    session_users: frozenset[int] = frozenset()
    init_data: str | None = field(default=None, repr=False)


def handshake_of(request: Request) -> Handshake:
    """Read a request, and the session that belongs to it."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return Handshake(
        origin=request.headers.get("Origin"),
        own_origin=f"{request.scheme}://{request.host}",
        session_users=signed_in_users(),
        init_data=credentials if scheme.lower() == "tma" else None,
    )


def signed_in_users() -> frozenset[int]:
    """Return the users of the request's session, which was signed by us."""
    found = session.get(_USERS, ())
    try:
        return frozenset(user_id_of(user) for user in found)
    except (InvalidUserIdError, TypeError):
        return frozenset()


def sign_in(*users: int) -> None:
    """Add users to the session; who was added first leaves when there are too many."""
    others = [user for user in session.get(_USERS, ()) if user not in users]
    session[_USERS] = [*others, *users][-MOST_SIGNED_IN:]
    session.permanent = True  # it ends by its time on our side, too, not with the browser
