"""Tells an address of the operator's choice what happened: signed, tried again, in nobody's way.

Signed by the Standard Webhooks scheme, so that a receiver can check it with a library:
`webhook-signature` is `v1,` and the base64 of the HMAC-SHA256, under the shared secret, of
`webhook-id`, `webhook-timestamp` (unix seconds) and the body, joined by points.
"""

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import structlog
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry, Timeout

MOST_WAITING = 100
TRIES = 6
"""After the first one the pauses are 1, 2, 4, 8 and 16 seconds."""
TIMEOUT_S = 5.0
_RETRIED = (408, 425, 429, 500, 502, 503, 504)

_log = structlog.get_logger(__name__)


class Notices:
    """Sends notices one after the other, on a thread that runs between `start` and `stop`.

    `secret` is asked for the key at each notice; it may raise OSError. What cannot be
    delivered is logged and counted in `failed`; a receiver that hangs delays later notices
    and nothing else.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: Callable[[], bytes],
        timeout_s: float = TIMEOUT_S,
        pause_s: float = 0.5,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._secret = secret
        self._now = now
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        # A redirect could lead the notice, and what it says of users, anywhere.
        retry = Retry(
            total=TRIES - 1,
            backoff_factor=pause_s,
            status_forcelist=_RETRIED,
            allowed_methods=None,
            redirect=0,
            raise_on_redirect=False,
            respect_retry_after_header=False,
        )
        self._pool = urllib3.PoolManager(retries=retry, timeout=Timeout(total=timeout_s))
        self.sent = self.failed = 0

    def tell(self, notice: Mapping[str, Any]) -> None:
        """Have a notice sent; returns at once. One that finds no room is counted as failed."""
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            self._lost(f"{MOST_WAITING} notices wait already")

    def start(self) -> None:
        """Start to send."""
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Send what waits, if the receiver takes it in time, and end."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return  # the receiver hangs: the thread ends with the process
        if self._thread is not None:
            self._thread.join(timeout)
            self._thread = None

    def _run(self) -> None:
        while (notice := self._waiting.get()) is not None:
            try:
                self._send(json.dumps(notice).encode())
            except MaxRetryError as error:
                # Its text holds the address, which may hold a secret of the receiver.
                self._lost(f"tried {TRIES} times: {type(error.reason).__name__}")
            except HTTPError as error:  # so may the text of any other of these
                self._lost(type(error).__name__)
            except (OSError, ValueError, TypeError) as error:
                self._lost(f"{type(error).__name__}: {error}")

    def _send(self, body: bytes) -> None:
        answer = self._pool.request(
            "POST", self._url, body=body, headers=signed(body, self._secret(), at=self._now())
        )
        if not 200 <= answer.status < 300:
            raise ValueError(f"the receiver answered {answer.status}")
        self.sent += 1

    def _lost(self, problem: str) -> None:
        self.failed += 1
        _log.error("notice_not_delivered", problem=problem)


def signed(body: bytes, secret: bytes, *, at: float) -> dict[str, str]:
    """Return the headers of a notice; `at` in unix seconds."""
    name, moment = f"msg_{uuid.uuid4().hex}", str(int(at))
    content = b".".join((name.encode(), moment.encode(), body))
    digest = hmac.new(secret, content, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
