"""Unleash's admin API over HTTP: two seconds an answer, no redirects, no retries of its own."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests
from urllib3.exceptions import NewConnectionError

from flags.unleash_api import FlagThere, UnleashRefusedError, UnleashUnknownError

TIMEOUT_S = 2.0
_GONE = 404
_UNCERTAIN = (500, 502, 503, 504)
"""What a proxy, or a server that was cut off, says of something that may have been done."""


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
            found = self.ask("GET", self._environment(name))
            if self.ask("GET", self._flag(name)).get("archived"):
                return None
        except UnleashRefusedError as error:
            if error.status == _GONE:
                return None
            raise
        return FlagThere(bool(found["enabled"]), tuple(found["strategies"]))

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
        events = self.ask("GET", f"/api/admin/events/{quote(flag, safe='')}")["events"]
        return max((int(event["id"]) for event in events), default=0)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON of an answer, None if there is none.

        Raises `UnleashRefusedError`, `UnleashUnknownError`.
        """
        try:
            answer = requests.request(
                method,
                self.url + path,
                json=body,
                headers={"Authorization": self.token},
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise self._silence(error) from error
        if answer.status_code in _UNCERTAIN:
            raise UnleashUnknownError(f"{self.url} answered {answer.status_code}")
        if not answer.ok or answer.is_redirect:
            raise UnleashRefusedError(_reason(self.url, answer), status=answer.status_code)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise UnleashRefusedError(
                f"{self.url} answered with something else than JSON: is it Unleash's address?"
            ) from error

    def _silence(self, error: requests.RequestException) -> Exception:
        """Return what no answer means: it was never asked, or nobody knows."""
        cause = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(error, requests.ConnectTimeout) or isinstance(cause, NewConnectionError):
            return UnleashRefusedError(f"{self.url} cannot be reached: see whether Unleash runs")
        return UnleashUnknownError(f"{self.url} did not answer within {TIMEOUT_S:g} s")

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


def _reason(url: str, answer: requests.Response) -> str:
    """Return why a request was refused, in Unleash's own words where it has some."""
    if answer.status_code in (401, 403):
        return (
            f"{url} answered {answer.status_code}: the token of UNLEASH_ADMIN_TOKEN may not do"
            " this; give one of an admin"
        )
    try:
        words = answer.json()
        details = words.get("details") or [words]
        said = str(details[0].get("message") or details[0].get("description") or "")
    except (ValueError, AttributeError, LookupError):
        said = ""
    return f"{url} answered {answer.status_code}" + (f": {said[:200]}" if said else "")
