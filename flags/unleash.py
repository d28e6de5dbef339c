"""Asks an Unleash server for flags, by Unleash's own client. Nothing else imports that client.

The client is built in the worker, after the fork, and a thread of ours asks in the place of its
scheduler, so that a question can be hurried and stopping waits for nothing. What it fetches goes
through a cache of ours, which hands each body to the inbox and keeps the ETag only of a body
that is followed whole. Its engine evaluates nothing.
"""

import io
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import requests
from apscheduler.triggers import interval
from requests import Response
from UnleashClient.cache import BaseCache
from UnleashClient.clients.unleash_client import UnleashClient
from UnleashClient.constants import ETAG, FEATURES_URL
from UnleashClient.utils import InstanceAllowType

from flags.feed import Inbox
from flags.whole_answer import read_whole

APP_NAME = "balance-notifications"
POLL_S = 1
"""Seconds between two questions."""
WHOLE_S = 30.0
"""Seconds after which the body is asked for although it is the same: a cache may lie."""
TIMEOUT_S = 1
LONGEST_PAUSE_S = 15.0
"""The longest that a server which says Retry-After is left alone."""
UNREACHABLE = "it cannot be reached, or fails with 500, 502 or 504"
"""All that the client tells of either."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, without a path, and what it lets us in with."""

    url: str
    token: str = field(repr=False)


class UnleashConnection:
    """One UnleashClient, and what its questions come to. Used by one thread."""

    def __init__(self, address: Address, inbox: Inbox, *, register: bool) -> None:
        logging.getLogger("UnleashClient").setLevel(logging.CRITICAL)  # the inbox says it better
        self._address = address
        self._inbox = inbox
        self._cache = _GuardingCache(inbox)
        self._ticker = _Ticker()
        self._status = 0
        self._whole_at = 0.0
        self.retry_after_s = 0.0
        self._client = UnleashClient(
            url=f"{address.url}/api",
            app_name=APP_NAME,
            instance_id=_instance_id(),
            custom_headers={"Authorization": address.token, "Cache-Control": "no-cache"},
            custom_options={"allow_redirects": False, "hooks": {"response": self._answered}},
            request_timeout=TIMEOUT_S,
            request_retries=0,
            refresh_interval=POLL_S,
            disable_metrics=True,
            disable_registration=not register,
            cache=self._cache,
            scheduler=self._ticker,
            scheduler_executor="unleash",
            multiple_instance_mode=InstanceAllowType.SILENTLY_ALLOW,
        )

    def ask(self, *, whole: bool = False) -> None:
        """Ask for the flags, and tell the inbox what came of it. Never raises."""
        now = time.monotonic()
        if whole or now - self._whole_at >= WHOLE_S:
            self._whole_at = now
            self._cache.forget_etag()
        self._status, self._failure, self._cache.handed = 0, UNREACHABLE, False
        self.retry_after_s = 0.0
        asked_whole = not self._cache.etag
        try:
            self._fetch()
        except Exception as error:  # noqa: BLE001 - whatever the client raises, the next poll comes
            self._failure = f"{type(error).__name__}: {error}"
        if self._cache.handed:
            return
        if self._status == 304 and not asked_whole:
            self._inbox.take_unchanged()
        else:
            self._inbox.take_failure(self._words())

    def hand_in(self, bucket: dict[str, Any]) -> bool:
        """Send usage counts to Unleash's metrics; return whether it took them.

        The client's own metrics are those of its engine, one count at a time.
        """
        body: Any = {"appName": APP_NAME, "instanceId": _instance_id(), "bucket": bucket}
        try:
            answer = requests.post(
                f"{self._address.url}/api/client/metrics",
                json=body,
                headers={"Authorization": self._address.token},
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException:
            return False
        return answer.status_code == 202

    def close(self) -> None:
        """Let go of the client."""
        self._client.destroy()

    def _fetch(self) -> None:
        if self._ticker.job is None:
            _leave_time_zone_alone()
            self._client.initialize_client()  # registers, and asks for the first time
        else:
            self._ticker.job()

    def _words(self) -> str:
        if self._status == 304:
            return "it answered 304 (not modified) to a question for the whole"
        if self._status in (401, 403):
            return f"it answered {self._status}: UNLEASH_CLIENT_TOKEN is not one of its own"
        if self._status == 200:
            return "it answered 200 and sent nothing"
        return f"it answered {self._status}" if self._status else self._failure

    def _answered(self, response: Response, *_: Any, **__: Any) -> Response | None:
        """Look at each answer before the client does; read no more of it than is sensible."""
        if not (response.request.path_url or "").endswith(FEATURES_URL):
            return None
        self._status = response.status_code
        self.retry_after_s = min(_seconds(response.headers.get("Retry-After")), LONGEST_PAUSE_S)
        try:
            return _bounded(response)
        except Exception as error:
            self._status, self._failure = 0, f"its answer cannot be read: {error}"
            raise


class _GuardingCache(BaseCache):
    """Stands between what the client fetches and all that would believe it.

    A body goes to the inbox; its ETag is kept if the body is followed whole, so that one that
    is refused, or waits for a person, is sent and judged again. Nothing reaches the client's
    engine.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._followed = False
        self.etag = ""
        self.handed = False

    def set(self, key: str, value: Any) -> None:
        """Hand a body on; remember an ETag."""
        if key == FEATURES_URL:
            self.handed = True
            self.etag = ""
            self._followed = self._inbox.take_body(value)
        elif key == ETAG and self._followed:
            self.etag = value

    def mset(self, data: dict[str, Any]) -> None:
        """Keep none of what the client wants to find again after a restart."""

    def get(self, key: str, default: Any | None = None) -> Any:
        """Return the ETag; there are no flags here."""
        return self.etag if key == ETAG else default

    def exists(self, key: str) -> bool:
        """Tell whether there is an ETag."""
        return key == ETAG and bool(self.etag)

    def destroy(self) -> None:
        """Do nothing."""

    def forget_etag(self) -> None:
        """Have the next answer be a whole body."""
        self.etag = ""


class _Ticker:
    """Takes the place of the client's scheduler: its one job runs when our thread says so."""

    state = 1  # APScheduler's word for running

    def __init__(self) -> None:
        self.job: Callable[[], None] | None = None

    def add_job(self, job: Callable[[], None], **_: Any) -> "_Ticker":
        """Take the job."""
        self.job = job
        return self

    def remove(self) -> None:
        """Do nothing: there is no thread that could run it."""

    def remove_all_jobs(self) -> None:
        """Do nothing."""

    def shutdown(self, *, wait: bool) -> None:
        """Do nothing."""


def _leave_time_zone_alone() -> None:
    """Let the client's scheduler reckon in UTC: an interval has no time zone.

    It asks for the machine's all the same, and fails where that is written as POSIX has it,
    `TZ=MSK-3`.
    """
    interval.get_localzone = lambda: UTC


def _instance_id() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def _bounded(response: Response) -> Response:
    """Return the answer read to its end. Raises ValueError if it is too long or too slow."""
    whole = Response()
    whole.status_code, whole.headers = response.status_code, response.headers
    whole.url, whole.request, whole.encoding = response.url, response.request, "utf-8"
    whole.raw = io.BytesIO(read_whole(response))
    return whole


def _seconds(retry_after: str | None) -> float:
    """Return how long a server asks to be left alone, 0 if it does not, or names a date."""
    return float(retry_after) if retry_after is not None and retry_after.isdigit() else 0.0
