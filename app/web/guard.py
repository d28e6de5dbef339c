"""What the page behind one socket may do: how often it may speak, and whose balance it may hear."""

from collections.abc import Callable
from functools import partial

from app.errors import DatabaseUnavailable
from app.notifications.close_codes import CloseCode, Refused
from app.notifications.proofs import Proof
from app.web.admission import Admission, Mode, Why
from app.web.identity import Identity, OfTelegram, OfUser, ProofError
from app.web.token_bucket import TokenBucket

SUBSCRIBE_WITHIN_S = 20.0
"""A socket is there to listen: where admission is enforced it must say to whom, in this time."""
REPEAT_RATE, REPEAT_BURST = 2000.0, 4000
"""How often a page may ask again for what it has: production's does at every frame, and was seen
to do so 1,900 times a second. It costs no more than to be read."""

Decide = Callable[[Refused | None], None]
"""Is told why the page may not listen, None if it may."""


class Guard:
    """What the page behind one socket may do. One thread calls it at a time.

    `call` has that thread call something soon, and may be called from any.
    """

    def __init__(
        self,
        admission: Admission,
        identity: Identity,
        *,
        call: Callable[[Callable[[], None]], object],
    ) -> None:
        bounds = admission.bounds
        self._admission = admission
        self._identity = identity
        self._call = call
        self._bucket = TokenBucket(
            rate=bounds.message_rate, burst=bounds.message_burst, monotonic=admission.monotonic
        )
        self._repeats: TokenBucket | None = None
        self._counted: set[str] = set()
        self._place: int | None = None
        self._since = admission.monotonic()
        self._ends_at: float | None = None
        """When what the page proved is over, on the monotonic clock."""
        self._asked = 0
        """How many lookups were begun: an answer to an older one counts no longer."""

    def entered(self) -> None:
        """Note that the socket is open."""
        self._admission.enter()

    def left(self) -> None:
        """Note that the socket is closed."""
        self._asked += 1
        self._leave_place()
        self._admission.leave()

    def may_speak(self) -> Refused | None:
        """Say why one message more is too much, None if it is not."""
        if self._bucket.take():
            return self._idles()
        return self._too_fast()

    def may_repeat(self) -> Refused | None:
        """Say why one more of what was said before is too much, None if it is not."""
        if self._repeats is None:
            self._repeats = TokenBucket(
                rate=REPEAT_RATE, burst=REPEAT_BURST, monotonic=self._admission.monotonic
            )
        return None if self._repeats.take() else self._too_fast()

    def unread(self, code: str) -> None:
        """Count a message that cannot be acted on."""
        self._admission.count_unread(code)

    def may_go_on(self) -> Refused | None:
        """Say why the page may listen no longer, None if it may."""
        if self._ends_at is None or self._admission.monotonic() < self._ends_at:
            return None
        self._ends_at = None
        return self._refused(
            Why.PROOF_ENDED,
            CloseCode.PROOF_ENDED,
            "what you signed in with is over: come back with a new proof",
        )

    def may_subscribe(self, user_id: int, proof: Proof | None, decide: Decide) -> None:
        """Tell `decide` whether the page may listen to this user: now, or once that is known."""
        self._asked += 1
        if proof is None or self._admission.mode is Mode.OFF:
            self._decide(user_id, decide)
            return
        try:
            vouched = self._admission.verify(proof)
        except ProofError as error:
            self._refuse_proof(error, user_id, decide)
            return
        if isinstance(vouched, OfUser):
            self._identity = self._admission.proven(proof, vouched, vouched.user_id)
            self._decide(user_id, decide)
            return
        found = partial(self._found, self._asked, proof, vouched, decide, user_id)
        self._admission.people.ask(
            vouched.telegram_id, lambda answer: self._call(partial(found, answer))
        )

    def _found(
        self,
        asked: int,
        proof: Proof,
        vouched: OfTelegram,
        decide: Decide,
        user_id: int,
        answer: int | DatabaseUnavailable | None,
    ) -> None:
        """Go on with a subscription whose account was looked up."""
        if asked != self._asked:
            return  # the page left, or asked for something else meanwhile
        if isinstance(answer, DatabaseUnavailable):
            refused = self._refused(
                Why.NOT_LOOKED_UP,
                CloseCode.TRY_LATER,
                "who you are cannot be looked up now: come back later",
            )
            self._finish(refused, user_id, decide)
            return
        try:
            self._identity = self._admission.proven(proof, vouched, answer)
        except ProofError as error:
            self._refuse_proof(error, user_id, decide)
        else:
            self._decide(user_id, decide)

    def _refuse_proof(self, error: ProofError, user_id: int, decide: Decide) -> None:
        refused = self._refused(error.flaw, CloseCode.NOT_SIGNED_IN, str(error))
        self._finish(refused, user_id, decide)

    def _decide(self, user_id: int, decide: Decide) -> None:
        self._finish(self._flaw_of(user_id), user_id, decide)

    def _finish(self, refused: Refused | None, user_id: int, decide: Decide) -> None:
        if refused is None and self._place != user_id:
            refused = self._change_place(user_id)
        if refused is None:
            self._note_end(user_id)
        decide(refused)

    def _too_fast(self) -> Refused:
        self._admission.count_refused(Why.TOO_FAST)
        return Refused(CloseCode.POLICY, "too many messages in a short time: send fewer")

    def _idles(self) -> Refused | None:
        """Turn away who only takes room, once it speaks; who is silent goes by its silence."""
        late = self._admission.monotonic() - self._since > SUBSCRIBE_WITHIN_S
        if not late or self._place is not None or self._admission.mode is not Mode.ENFORCE:
            return None
        return self._refused(
            Why.NOT_SIGNED_IN, CloseCode.NOT_SIGNED_IN, "subscribe when you have connected"
        )

    def _flaw_of(self, user_id: int) -> Refused | None:
        users = self._identity.users
        if self._admission.mode is Mode.OFF or user_id in users:
            return None
        if users:
            return self._refused(
                Why.SOMEBODY_ELSE, CloseCode.NOT_YOURS, "subscribe to your own balance"
            )
        return self._refused(
            Why.NOT_SIGNED_IN, CloseCode.NOT_SIGNED_IN, "sign in before you subscribe"
        )

    def _refused(self, why: str, code: CloseCode, reason: str) -> Refused | None:
        """Count a page once for each reason, however often it asks."""
        if self._admission.mode is Mode.REPORT_ONLY and why in self._counted:
            return None
        self._counted.add(why)
        return Refused(code, reason) if self._admission.refuses(why) else None

    def _note_end(self, user_id: int) -> None:
        until = self._identity.users.get(user_id)
        if until is None or self._admission.mode is Mode.OFF:
            self._ends_at = None
        else:  # by a clock that nobody sets, from here on
            self._ends_at = self._admission.monotonic() + until - self._admission.now()

    def _change_place(self, user_id: int) -> Refused | None:
        self._leave_place()
        if self._admission.take_place(user_id):
            self._place = user_id
            return None
        self._admission.count_refused(Why.USER_FULL)
        return Refused(CloseCode.TOO_MANY, "this user has too many sockets open: close a tab")

    def _leave_place(self) -> None:
        if self._place is not None:
            self._admission.give_back(self._place)
            self._place = None
