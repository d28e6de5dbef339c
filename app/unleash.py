"""Builds what decides by an Unleash server: the provider, and what operators turn there."""

from collections.abc import Callable

from app.adapters.prompt_targets import PromptTargets
from app.adapters.targets import SqlTargets
from app.adapters.unleash_api import HttpUnleashApi, Place
from app.database import Database
from app.known_files import bars_of
from app.settings import Settings
from app.settings_checks import environment_of
from flags.admin import FlagAdmin, RefusingAdmin
from flags.kept import KeptBody
from flags.targets import AuthorisedTargets, FileTargets
from flags.unleash import Address
from flags.unleash_admin import UnleashAdmin
from flags.unleash_feed import UnleashFeed
from flags.unleash_provider import UnleashProvider
from flags.usage import Count, Usage


def build_targets(settings: Settings, database: Database) -> AuthorisedTargets:
    """Return where targets are kept: with the hosts' common database, or in a file of this host."""
    if settings.database_url.startswith("sqlite"):
        return FileTargets(settings.targets_file)
    return PromptTargets(SqlTargets(database))


def build_unleash_provider(
    settings: Settings, *, targets: AuthorisedTargets, count: Count
) -> UnleashProvider:
    """Build the provider; nothing is started, and no server is asked."""
    address = Address(settings.unleash_url or "", settings.unleash_client_token or "")
    return UnleashProvider(
        UnleashFeed(address, usage=Usage(count)),
        targets=targets,
        kept=KeptBody(settings.kept_flag_file),
        steps=settings.guard.steps,
        bars=bars_of(settings),
    )


def build_unleash_admin(
    settings: Settings, *, targets: AuthorisedTargets, tell: Callable[[int], None]
) -> FlagAdmin:
    """Build what turns the flags there, or what says that this process may not."""
    if settings.unleash_admin_token is None:
        return RefusingAdmin(
            "UNLEASH_ADMIN_TOKEN is not set here: set it where operators work, or turn the flag in"
            " Unleash itself"
        )
    api = build_unleash_api(settings, settings.unleash_admin_token)
    return UnleashAdmin(api, targets=targets, tell=tell)


def build_unleash_api(settings: Settings, token: str) -> HttpUnleashApi:
    """Build the admin API of the environment that the client token is for."""
    project, environment = environment_of(settings.unleash_client_token or "")
    return HttpUnleashApi(settings.unleash_url or "", token, Place(project, environment))
