"""Makes what the migration needs on an Unleash server, and changes nothing that is there."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from app.adapters.unleash_api import HttpUnleashApi
from flags.body import flag_strategy
from flags.decision import BALANCE_NOTIFICATIONS, FARMING_INCOME

ADDONS = "/api/admin/addons"
DESCRIPTIONS = {
    BALANCE_NOTIFICATIONS.canonical: "Which users the canonical balance notifications serve",
    BALANCE_NOTIFICATIONS.shadow: "Which users both balance notifications are compared for",
    FARMING_INCOME.canonical: "Which users are paid the canonical farming income",
    FARMING_INCOME.shadow: "Which users both farming incomes are compared for",
}
EVENTS = (
    "feature-created",
    "feature-archived",
    "feature-revived",
    "feature-environment-enabled",
    "feature-environment-disabled",
    "feature-strategy-add",
    "feature-strategy-update",
    "feature-strategy-remove",
)
"""What may change which users a flag reaches."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where Unleash is to send its events, and what lets it in there."""

    url: str
    token: str = field(repr=False)

    @property
    def description(self) -> str:
        """What the webhook is known by in Unleash, which hides its address."""
        return f"balance-notifications: {self.url}"


class Webhook(msgspec.Struct):
    """One that Unleash has."""

    id: int
    description: str | None = None
    enabled: bool = False


class _Addons(msgspec.Struct):
    addons: list[Webhook]


def set_up(api: HttpUnleashApi, hook: Hook | None) -> Iterator[str]:
    """Make what is missing; yield a line for each thing, done. Raises `UnleashError`."""
    if hook is not None:
        yield _set_up_hook(api, hook)
    for flag, description in DESCRIPTIONS.items():
        yield from _set_up_flag(api, flag, description)


def webhooks(api: HttpUnleashApi, hook: Hook) -> list[Webhook]:
    """Return the webhooks of this address. Raises `UnleashError`."""
    present = api.read(ADDONS, _Addons).addons
    return [each for each in present if each.description == hook.description]


def _set_up_flag(api: HttpUnleashApi, flag: str, description: str) -> Iterator[str]:
    """Make a flag on at 0 %: its strategy first, for without one Unleash means 100 %."""
    there = api.flag(flag)
    if there is None:
        api.add_flag(flag, description=description)
        yield f"made the flag {flag}"
    if there is not None and there.strategies:
        yield f"the flag {flag} is there, and was left as it is"
        return
    api.add_strategy(flag, flag_strategy(flag, percentage=0))
    yield f"gave the flag {flag} a gradual rollout by user id, at 0 %"
    if there is None:
        api.switch(flag, on=True)
        yield f"switched the flag {flag} on in {api.place.environment}"


def _set_up_hook(api: HttpUnleashApi, hook: Hook) -> str:
    if webhooks(api, hook):
        return f"the webhook to {hook.url} is there, and was left as it is"
    api.ask(
        "POST",
        ADDONS,
        {
            "provider": "webhook",
            "description": hook.description,
            "enabled": True,
            "parameters": {"url": hook.url, "authorization": hook.token},
            "events": list(EVENTS),
            "projects": [],
            "environments": [],
        },
    )
    return f"made a webhook to {hook.url}, which Unleash uses within a minute"
