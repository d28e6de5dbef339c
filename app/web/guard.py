"""What the page behind one socket may do: how often it may speak, and whose balance it may hear."""

from app.notifications.close_codes import CloseCode, Refused
from app.web.admission import Admission, Mode, Why
from app.web.identity import Identity
from app.web.init_data import InitDataError
from app.web.token_bucket import TokenBucket

SUBSCRIBE_WITHIN_S = 20.0
"""A socket is there to listen: where admission is enforced it must say to whom, in this time."""


class Guard:
    """What the page behind one socket may do. One thread calls it at a time."""

    def __init__(self, admission: Admission, identity: Identity) -> None:
        bounds = admission.bounds
        self._admission = admission
        self._identity = identity
        self._bucket = TokenBucket(
            rate=bounds.message_rate, burst=bounds.message_burst, monotonic=admission.monotonic
        )
        self._counted: set[str] = set()
        self._place: int | None = None
        self._since = admission.monotonic()

    def entered(self) -> None:
        """Note that the socket is open."""
        self._admission.enter()

    def left(self) -> None:
        """Note that the socket is closed."""
        self._leave_place()
        self._admission.leave()

    def may_speak(self) -> Refused | None:
        """Say why one message more is too much, None if it is not."""
        if self._bucket.take():
            return self._idles()
        self._admission.count_refused(Why.TOO_FAST)
        return Refused(CloseCode.POLICY, "too many messages in a short time: send fewer")

    def may_subscribe(self, user_id: int, init_data: str | None) -> Refused | None:
        """Say why the page may not listen to this user, None if it may."""
        refused = self._may_listen_to(user_id, init_data)
        if refused is None and self._place != user_id:
            refused = self._change_place(user_id)
        return refused

    def _idles(self) -> Refused | None:
        """Turn away who only takes room, once it speaks; who is silent goes by its silence."""
        late = self._admission.monotonic() - self._since > SUBSCRIBE_WITHIN_S
        if not late or self._place is not None or self._admission.mode is not Mode.ENFORCE:
            return None
        return self._refused(
            Why.NOT_SIGNED_IN, CloseCode.NOT_SIGNED_IN, "subscribe when you have connected"
        )

    def _may_listen_to(self, user_id: int, init_data: str | None) -> Refused | None:
        if self._admission.mode is Mode.OFF:
            return None
        if init_data is not None:
            try:
                self._identity = Identity(frozenset({self._admission.verify(init_data)}))
            except InitDataError as error:
                return self._refused(error.flaw, CloseCode.NOT_SIGNED_IN, str(error))
        if not self._identity.users:
            return self._refused(
                Why.NOT_SIGNED_IN, CloseCode.NOT_SIGNED_IN, "sign in before you subscribe"
            )
        if user_id not in self._identity.users:
            return self._refused(
                Why.SOMEBODY_ELSE, CloseCode.NOT_YOURS, "subscribe to your own balance"
            )
        return None

    def _refused(self, why: str, code: CloseCode, reason: str) -> Refused | None:
        """Count a page once for each reason, however often it asks."""
        if self._admission.mode is Mode.REPORT_ONLY and why in self._counted:
            return None
        self._counted.add(why)
        return Refused(code, reason) if self._admission.refuses(why) else None

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
