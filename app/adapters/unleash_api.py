"""Unleash's admin API over HTTP: some seconds an answer, no redirects, no retries of its own."""

from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from flags.unleash_api import FlagThere, UnleashRefusedError, UnleashUnknownError
from flags.whole_answer import read_whole

TIMEOUT_S = 2.0
_GONE = 404
_UNCERTAIN = 500
"""And above: what a proxy, or a server that was cut off, says of what may have been done."""


T = TypeVar("T")


class _Strategy(msgspec.Struct):
    """What is relied upon in a strategy: it is handed on as it was sent."""

    id: str
    constraints: list[dict[str, Any]] | None = None
    parameters: dict[str, Any] | None = None


class _Environment(msgspec.Struct):
    enabled: bool
    strategies: list[dict[str, Any]]


class _Feature(msgspec.Struct):
    archived: bool = False


class _Event(msgspec.Struct):
    id: int


class _Events(msgspec.Struct):
    events: list[_Event]


@dataclass(frozen=True, slots=True)
class Place:
    """Where flags are: a project, and an environment of it."""

    project: str
    environment: str


@dataclass(frozen=True, slots=True)
class HttpUnleashApi:
    """The API of one server, for one project and environment. May be used from any thread."""

    url: str
    token: str = field(repr=False)
    place: Place

    def flag(self, name: str) -> FlagThere | None:
        """Return a flag, None if there is none or it is archived."""
        try:
            found = self.read(self._environment(name), _Environment)
            if self.read(self._flag(name), _Feature).archived:
                return None
        except UnleashRefusedError as error:
            if error.status == _GONE:
                return None
            raise
        self._checked(found.strategies, list[_Strategy])
        return FlagThere(found.enabled, tuple(found.strategies))

    def add_flag(self, name: str, *, description: str) -> None:
        """Make a flag of type release."""
        body = {"name": name, "type": "release", "description": description}
        self.ask("POST", self._flag("").rstrip("/"), body | {"impressionData": False})

    def add_strategy(self, flag: str, strategy: dict[str, Any]) -> None:
        """Add a strategy."""
        self.ask("POST", f"{self._environment(flag)}/strategies", _sendable(strategy))

    def replace_strategy(self, flag: str, identity: str, strategy: dict[str, Any]) -> None:
        """Replace a strategy."""
        path = f"{self._environment(flag)}/strategies/{quote(identity, safe='')}"
        self.ask("PUT", path, _sendable(strategy))

    def remove_strategy(self, flag: str, identity: str) -> None:
        """Remove a strategy; one that is gone is removed."""
        path = f"{self._environment(flag)}/strategies/{quote(identity, safe='')}"
        try:
            self.ask("DELETE", path)
        except UnleashRefusedError as error:
            if error.status != _GONE:
                raise

    def switch(self, flag: str, *, on: bool) -> None:
        """Switch a flag on or off."""
        self.ask("POST", f"{self._environment(flag)}/{'on' if on else 'off'}")

    def newest_event(self, flag: str) -> int:
        """Return the number of the newest event of a flag."""
        found = self.read(f"/api/admin/events/{quote(flag, safe='')}", _Events)
        return max((event.id for event in found.events), default=0)

    def read(self, path: str, kind: type[T]) -> T:
        """Return what is at an address. Raises `UnleashRefusedError`, `UnleashUnknownError`."""
        return self._checked(self.ask("GET", path), kind)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON of an answer, None if there is none.

        Raises `UnleashRefusedError`, `UnleashUnknownError`.
        """
        status, content = self._answer(method, path, body)
        if status >= _UNCERTAIN:
            raise UnleashUnknownError(f"{self.url} answered {status}")
        if not 200 <= status < 300:
            raise UnleashRefusedError(_reason(self.url, status, content), status=status)
        try:
            return msgspec.json.decode(content) if content else None
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            words = f"{self.url} answered with something else than JSON: is it Unleash's address?"
            if method == "GET":
                raise UnleashRefusedError(words) from error
            raise UnleashUnknownError(words) from error

    def _answer(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        """Return status and body. Raises `UnleashRefusedError`, `UnleashUnknownError`."""
        try:
            answer = requests.request(
                method,
                self.url + path,
                json=body,
                headers={"Authorization": self.token},
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            )
            return answer.status_code, read_whole(answer)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise self._silence(error) from error

    def _silence(self, error: Exception) -> Exception:
        """Return what no answer means: it was never asked, or nobody knows."""
        cause = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(error, requests.ConnectTimeout) or isinstance(cause, NewConnectionError):
            return UnleashRefusedError(f"{self.url} cannot be reached: see whether Unleash runs")
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return UnleashRefusedError(
                f"{self.url} cannot be reached safely: see whether its certificate holds"
            )
        return UnleashUnknownError(f"{self.url} did not answer in time ({type(error).__name__})")

    def _checked(self, value: Any, kind: type[T]) -> T:
        """Return what was answered as what it must be. Raises `UnleashRefusedError`."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise UnleashRefusedError(
                f"{self.url} does not answer as Unleash's admin API ({error}): is it the right"
                " address, and of a version that we know?"
            ) from error

    def _flag(self, name: str) -> str:
        project = quote(self.place.project, safe="")
        return f"/api/admin/projects/{project}/features/{quote(name, safe='')}"

    def _environment(self, flag: str) -> str:
        return f"{self._flag(flag)}/environments/{quote(self.place.environment, safe='')}"


def _sendable(strategy: dict[str, Any]) -> dict[str, Any]:
    """Return a strategy as the API takes it: it refuses some of what it sends."""
    known = ("name", "parameters", "constraints", "segments", "title", "disabled")
    kept = {name: strategy[name] for name in known if strategy.get(name) is not None}
    return {"segments": [], "variants": strategy.get("variants") or [], **kept}


def _reason(url: str, status: int, content: bytes) -> str:
    """Return why a request was refused, in Unleash's own words where it has some."""
    if status in (401, 403):
        return (
            f"{url} answered {status}: the token of UNLEASH_ADMIN_TOKEN may not do this; give one"
            " of an admin"
        )
    try:
        words = msgspec.json.decode(content)
        details = words.get("details") or [words]
        said = str(details[0].get("message") or details[0].get("description") or "")
    except (msgspec.MsgspecError, ValueError, AttributeError, LookupError, TypeError):
        said = ""
    return f"{url} answered {status}" + (f": {said[:200]}" if said else "")
