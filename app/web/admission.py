"""Who may open a socket, what may be asked on it, and who may look at a page.

Where `SHIM_ADMISSION` is `enforce`, a page must come from an Origin that is listed, must be
signed in by its session, by Telegram's init data or by a token of production's, and gets the
balance of its own user.
With `report-only` all that is checked and counted, and nobody is turned away: old clients send
a bare user id. With `off` it is not checked. The bounds hold in every mode: what would be too
much is too much for whoever it is.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import structlog
from flask import Response, g, has_request_context, request

from app.errors import DatabaseUnavailable
from app.notifications.proofs import InitData, Proof
from app.settings import Settings
from app.steady import wall_clock
from app.web.files import room_for_sockets
from app.web.identity import (
    NOBODY,
    Handshake,
    Identity,
    OfUser,
    ProofError,
    Vouched,
    handshake_of,
)
from app.web.init_data import Flaw, InitDataError, InitDataVerifier
from app.web.people import People
from app.web.tokens import TokenVerifier
from app.web.witness import Witness

_log = structlog.get_logger(__name__)


class Mode(StrEnum):
    """What is done about those who may not listen."""

    OFF = "off"
    REPORT_ONLY = "report-only"
    ENFORCE = "enforce"


class Why(StrEnum):
    """Why somebody is refused; beside these there are the flaws of init data and of tokens."""

    ORIGIN_MISSING = "origin_missing"
    ORIGIN_FOREIGN = "origin_foreign"
    NOT_SIGNED_IN = "not_signed_in"
    SOMEBODY_ELSE = "somebody_else"
    WORKER_FULL = "worker_full"
    USER_FULL = "user_full"
    TOO_FAST = "too_fast"
    PROOF_ENDED = "proof_ended"
    NOT_LOOKED_UP = "not_looked_up"
    PAGE_NOT_SIGNED_IN = "page_not_signed_in"
    PAGE_OF_SOMEBODY_ELSE = "page_of_somebody_else"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is enough: sockets of a worker and of a user in it, messages of a socket."""

    connections: int = 20_000
    user_connections: int = 16
    message_rate: float = 5.0
    message_burst: int = 50


@dataclass(frozen=True, slots=True)
class Admitted:
    """The handshake may go on; who it is, if that is known by now."""

    identity: Identity = NOBODY


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """The handshake is answered with an HTTP status instead of a socket."""

    status: HTTPStatus
    reason: str


class Admission:
    """The policy of one worker, and its counts. Safe to call from any thread."""

    def __init__(
        self,
        mode: Mode,
        *,
        verify: Callable[[Proof], Vouched],
        people: People,
        origins: frozenset[str] = frozenset(),
        bounds: Bounds | None = None,
        signed_in: Callable[[], object] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.mode = mode
        self.verify = verify
        """Returns whom a proof vouches for. Raises ProofError."""
        self.people = people
        self.bounds = bounds or Bounds()
        self.monotonic = monotonic
        self.now = now
        self._tell_signed_in = signed_in
        self._origins = origins
        self._lock = threading.Lock()
        self._refused: Counter[str] = Counter()
        self._reported: Counter[str] = Counter()
        self._proven: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()
        self._open = 0
        self._of_user: Counter[int] = Counter()

    def admit(self, handshake: Handshake) -> Admitted | TurnedAway:
        """Decide on a handshake, before there is a socket."""
        why = self._flaw_of_origin(handshake)
        if why is not None and self.refuses(why):
            return TurnedAway(
                HTTPStatus.FORBIDDEN,
                "pages of this origin may not listen: open the app itself, or add the origin"
                " to SHIM_ORIGINS",
            )
        if self._open >= min(self.bounds.connections, room_for_sockets()):
            self.count_refused(Why.WORKER_FULL)
            return TurnedAway(
                HTTPStatus.SERVICE_UNAVAILABLE, "this worker is full: come back later"
            )
        return self._identify(handshake)

    def identify(self, proof: Proof) -> Identity:
        """Return who a proof is of; may wait for the database.

        Raises ProofError, DatabaseUnavailable.
        """
        vouched = self.verify(proof)
        if isinstance(vouched, OfUser):
            return self.proven(proof, vouched, vouched.user_id)
        return self.proven(proof, vouched, self.people.find(vouched.telegram_id))

    def proven(self, proof: Proof, vouched: Vouched, user_id: int | None) -> Identity:
        """Return who a proof is of that vouches for this user. Raises ProofError if for nobody."""
        if user_id is None:
            raise InitDataError(Flaw.OF_NO_USER)
        how = "init_data" if isinstance(proof, InitData) else "token"
        with self._lock:
            self._proven[how] += 1
        self._tell_signed_in()
        return Identity({user_id: vouched.until})

    def refuses(self, why: str) -> bool:
        """Count somebody who may not listen; True if they are turned away for it."""
        if self.mode is Mode.REPORT_ONLY:
            self._count(self._reported, why)
            return False
        if self.mode is Mode.ENFORCE:
            self.count_refused(why)
            return True
        return False

    def count_refused(self, why: str) -> None:
        """Count somebody who is turned away in every mode."""
        self._count(self._refused, why)

    def count_unread(self, code: str) -> None:
        """Count a message that could not be acted on."""
        with self._lock:
            self._unread[code] += 1

    def enter(self) -> None:
        """Note a socket that was opened."""
        with self._lock:
            self._open += 1

    def leave(self) -> None:
        """Note that it was closed."""
        with self._lock:
            self._open -= 1

    def take_place(self, user_id: int) -> bool:
        """Give one of the user's places away; False if there is none left."""
        with self._lock:
            if self._of_user[user_id] >= self.bounds.user_connections:
                return False
            self._of_user[user_id] += 1
            return True

    def give_back(self, user_id: int) -> None:
        """Take a place back."""
        with self._lock:
            self._of_user[user_id] -= 1
            if not self._of_user[user_id]:
                del self._of_user[user_id]

    def snapshot(self) -> dict[str, Any]:
        """Return mode and counts as plain data."""
        with self._lock:
            return {
                "mode": str(self.mode),
                "open": self._open,
                "users": len(self._of_user),
                "refused": dict(self._refused),
                "would_refuse": dict(self._reported),
                "signed_in": dict(self._proven),
                "unread": dict(self._unread),
            }

    def _flaw_of_origin(self, handshake: Handshake) -> Why | None:
        if handshake.origin is None:
            return Why.ORIGIN_MISSING
        allowed = self._origins or {handshake.own_origin}
        return None if handshake.origin in allowed else Why.ORIGIN_FOREIGN

    def _identify(self, handshake: Handshake) -> Admitted | TurnedAway:
        if handshake.proof is None or self.mode is Mode.OFF:
            return Admitted(handshake.session)
        try:
            return Admitted(self.identify(handshake.proof))
        except ProofError as error:
            if self.refuses(error.flaw):
                return TurnedAway(HTTPStatus.UNAUTHORIZED, str(error))
        except DatabaseUnavailable:
            if self.refuses(Why.NOT_LOOKED_UP):
                return TurnedAway(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "who you are cannot be looked up now: come back later",
                )
        return Admitted(handshake.session)

    def _count(self, counter: Counter[str], why: str) -> None:
        with self._lock:
            counter[why] += 1
            first = counter[why] == 1
        if first:  # the counts tell of the others
            _log.warning("admission_refused", why=why, mode=str(self.mode))


def admit(admission: Admission) -> Response | None:
    """Decide on the request that Flask handles: its identity is kept in `g`, or it is answered."""
    decided = admission.admit(handshake_of(request))
    if isinstance(decided, Admitted):
        g.identity = decided.identity
        return None
    retry = {"Retry-After": "5"} if decided.status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(f"{decided.reason}\n", decided.status, headers=retry, mimetype="text/plain")


def admitted_identity() -> Identity:
    """Return who it is whose handshake Flask handles; nobody where there is none."""
    found: Identity = g.get("identity", NOBODY) if has_request_context() else NOBODY
    return found


def verifying(settings: Settings) -> Callable[[Proof], Vouched]:
    """Return what checks proofs by the settings; it raises ProofError."""
    init_data = InitDataVerifier(
        settings.bot_token,
        bot_id=settings.bot_id,
        max_age_s=settings.init_data_age_s,
        utc_now=wall_clock,
    )
    tokens = TokenVerifier(settings.token_rules, utc_now=wall_clock)

    def verify(proof: Proof) -> Vouched:
        if isinstance(proof, InitData):
            return init_data.verify(proof.text)
        return tokens.verify(proof.text)

    return verify


def build_admission(settings: Settings, people: People) -> Admission:
    """Return the admission that the settings ask for."""
    return Admission(
        Mode(settings.admission),
        verify=verifying(settings),
        people=people,
        signed_in=Witness(settings.signed_in_file),
        origins=frozenset(settings.origins),
        bounds=Bounds(
            connections=settings.max_connections,
            user_connections=settings.max_user_connections,
            message_rate=settings.message_rate,
            message_burst=settings.message_burst,
        ),
    )
