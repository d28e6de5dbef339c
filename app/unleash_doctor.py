"""Finds what is wrong between an Unleash server and this service, and says what to do."""

from collections.abc import Generator, Iterator

import msgspec
import requests
from urllib3.exceptions import HTTPError

from app.adapters.unleash_api import HttpUnleashApi
from app.parts import Parts
from app.unleash_setup import ADDONS, DESCRIPTIONS, Hook, Webhook, webhooks
from flags.features import FlagFormatError, definition_of, read_body
from flags.unleash_api import FlagThere, UnleashError, UnleashRefusedError
from flags.whole_answer import read_whole
from flags.workers import WorkerState

TIMEOUT_S = 3.0


class _Delivery(msgspec.Struct):
    state: str
    stateDetails: str | None = None  # noqa: N815 - Unleash's own name


class _Deliveries(msgspec.Struct):
    integrationEvents: list[_Delivery]  # noqa: N815 - Unleash's own name


class CannotLookError(Exception):
    """Nothing could be found out: the message says why and what to do."""


def findings(parts: Parts, api: HttpUnleashApi, hook: Hook | None) -> Iterator[str]:
    """Yield a line for each thing that is wrong. Raises CannotLookError."""
    revision = yield from _client_token(parts, api)
    try:
        for flag in DESCRIPTIONS:
            yield from _flag(api, flag)
        if hook is not None:
            yield from _hook(api, hook)
    except UnleashRefusedError as error:
        if error.status not in (401, 403):
            raise CannotLookError(str(error)) from error
        yield str(error)
    except UnleashError as error:
        raise CannotLookError(str(error)) from error
    yield from _workers(parts, revision)


def _client_token(parts: Parts, api: HttpUnleashApi) -> Generator[str, None, int]:
    """Look at what the client token reads; return the revision, 0 if it reads none."""
    headers = {"Authorization": parts.settings.unleash_client_token or ""}
    try:
        answer = requests.get(
            f"{api.url}/api/client/features",
            headers=headers,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
        )
        text = read_whole(answer).decode(errors="replace")
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise CannotLookError(
            f"{api.url} cannot be reached ({type(error).__name__}): see whether Unleash runs, and"
            " whether UNLEASH_URL names it"
        ) from error
    if answer.status_code in (401, 403):
        yield (
            f"UNLEASH_CLIENT_TOKEN may not read flags (HTTP {answer.status_code}): make a client"
            " token (backend) in Unleash, and give it to every worker"
        )
        return 0
    try:
        body = read_body(text)
    except FlagFormatError as error:
        yield f"{api.url} does not answer as Unleash: {error}"
        return 0
    missing = [flag for flag in DESCRIPTIONS if flag not in body.flags]
    if missing and all(_is_there(api, flag) for flag in missing):
        yield (
            f"UNLEASH_CLIENT_TOKEN does not see {' and '.join(missing)}: it is for another"
            f" project or environment than {api.place.project}, {api.place.environment}"
        )
    return body.revision


def _is_there(api: HttpUnleashApi, flag: str) -> bool:
    """Tell whether the admin sees a flag; False if that cannot be found out."""
    try:
        return api.flag(flag) is not None
    except UnleashError:
        return False


def _flag(api: HttpUnleashApi, flag: str) -> Iterator[str]:
    there = api.flag(flag)
    if there is None:
        yield f"there is no flag {flag}: `flask unleash setup` makes it"
        return
    if not there.strategies:
        yield (
            f"the flag {flag} has no strategy: once it is on, Unleash gives it one of 100 % with"
            " the default stickiness; `flask unleash setup` adds one of 0 %"
        )
        return
    trouble = _trouble(flag, there)
    if trouble is not None:
        yield f"{trouble} (in {api.place.environment})"


def _trouble(flag: str, there: FlagThere) -> str | None:
    """Return what could not be applied if the flag were on."""
    try:
        definition_of({"name": flag, "enabled": True, "strategies": list(there.strategies)})
    except FlagFormatError as error:
        return str(error)
    return None


def _hook(api: HttpUnleashApi, hook: Hook) -> Iterator[str]:
    present = webhooks(api, hook)
    if not present:
        yield f"there is no webhook to {hook.url}: `flask unleash setup --hook URL` makes it"
    for each in present:
        if not each.enabled:
            yield f"the webhook to {hook.url} is switched off: switch it on in Unleash"
        yield from _deliveries(api, hook, each)
    yield from _knock(hook)


def _deliveries(api: HttpUnleashApi, hook: Hook, webhook: Webhook) -> Iterator[str]:
    """Look at what Unleash itself says of its newest delivery."""
    try:
        events = api.read(f"{ADDONS}/{webhook.id}/events?limit=1", _Deliveries).integrationEvents
    except UnleashRefusedError:
        return  # this version keeps no record
    if events and events[0].state != "success":
        details = (events[0].stateDetails or "")[:160]
        yield f"the newest delivery to {hook.url} failed, says Unleash: {details}"


def _knock(hook: Hook) -> Iterator[str]:
    """Send what is no event: whoever lets us in answers 400."""
    try:
        answer = requests.post(
            hook.url,
            json={},
            headers={"Authorization": hook.token},
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,  # its body says nothing that we need
        )
        answer.close()
    except requests.RequestException as error:
        yield f"{hook.url} cannot be reached from here ({type(error).__name__})"
        return
    if answer.status_code == 401:
        yield (
            f"{hook.url} does not let this token in: give this command the same SHIM_HOOK_TOKEN,"
            " or SHIM_SECRET_KEY, as the service"
        )
    elif answer.status_code != 400:
        yield f"{hook.url} is not this service: it answered {answer.status_code}"


def _workers(parts: Parts, revision: int) -> Iterator[str]:
    """Compare what the workers follow."""
    live = [view.record for view in parts.workers.read() if view.state is not WorkerState.DEAD]
    if parts.workers.blind_to:
        yield f"workers of other hosts cannot be seen: {parts.workers.blind_to}"
    if len({record.revision for record in live}) > 1:
        each = ", ".join(f"{record.host} {record.pid}: {record.revision}" for record in live)
        yield f"workers follow different revisions ({each}): see `flask rollout status`"
    for record in live:
        if record.revision < revision:
            yield (
                f"worker {record.pid} on {record.host} follows revision {record.revision}, Unleash"
                f" is at {revision}: see whether something is held back in `flask rollout status`"
            )
