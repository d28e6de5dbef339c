"""`flask unleash`: makes what is needed on an Unleash server, and finds what is wrong there."""

from typing import NoReturn

import click

from app.adapters.unleash_api import HttpUnleashApi
from app.cli_group import Commands
from app.instances import refuse_strange_instance
from app.parts import parts
from app.settings import Settings, SettingsError
from app.unleash import build_unleash_api
from app.unleash_doctor import CannotLookError, findings
from app.unleash_setup import Hook, set_up
from app.web.hooks import PATH, hook_token
from flags.unleash_api import UnleashError, UnleashUnknownError

FOUND, CANNOT_LOOK = 1, 3
"""Exit codes: something is wrong; nothing could be found out."""

hook_option = click.option(
    "--hook",
    "address",
    metavar="URL",
    help="Where Unleash reaches this service, such as https://app.example.",
)


@click.group("unleash", cls=Commands)
def unleash() -> None:
    """Set up an Unleash server, and find out what is wrong with it."""


@unleash.command("setup")
@hook_option
def show_setup(address: str | None) -> None:
    """Make both flags at 0 %, and the webhook; change nothing that is there."""
    api, hook = _api(), _hook(address)
    try:
        for line in set_up(api, hook):
            click.echo(line)
    except UnleashUnknownError as error:
        _fail(
            f"unknown whether the step after what is above was done: {error}; run it again, what is"
            " there is left as it is"
        )
    except UnleashError as error:
        _fail(f"not all of it was done: {error}; what is above was")


@unleash.command("doctor")
@hook_option
def show_doctor(address: str | None) -> None:
    """Find what is wrong: flags, tokens, webhook and workers.

    Exits 0 if all is well, 1 if something is wrong, 3 if nothing could be found out.
    """
    api = _api()
    if address is not None:
        _refuse_without_key(parts().settings)
    hook = _hook(address)
    found = False
    try:
        for line in findings(parts(), api, hook):
            found = True
            click.echo(line)
    except CannotLookError as error:
        click.echo(str(error), err=True)
        raise SystemExit(CANNOT_LOOK) from error
    if found:
        raise SystemExit(FOUND)
    click.echo("nothing is wrong")


def _api() -> HttpUnleashApi:
    settings = parts().settings
    if settings.unleash_url is None:
        _fail(
            "Unleash is not used here: set UNLEASH_URL, UNLEASH_CLIENT_TOKEN and"
            " UNLEASH_ADMIN_TOKEN"
        )
    if settings.unleash_admin_token is None:
        _fail("UNLEASH_ADMIN_TOKEN is not set here: set it where operators work")
    return build_unleash_api(settings, settings.unleash_admin_token)


def _hook(address: str | None) -> Hook | None:
    if address is None:
        return None
    bare = address.rstrip("/")
    if not bare.startswith(("http://", "https://")):
        raise click.BadParameter(
            f"{address!r} is no address: give it as https://app.example", param_hint="--hook"
        )
    return Hook(bare if bare.endswith(PATH) else bare + PATH, hook_token(parts().settings))


def _refuse_without_key(settings: Settings) -> None:
    """Refuse to look at a webhook if its token would have to be made now: no webhook has that."""
    given = settings.hook_token or settings.secret_key
    if given is not None or settings.secret_file.exists():
        return
    try:
        refuse_strange_instance(settings)
    except SettingsError as error:
        _fail(str(error))
    _fail(
        f"{settings.secret_file} is not there, from which the token of the webhook follows: give"
        " the SHIM_INSTANCE, or the SHIM_SECRET_KEY, that the service was started with"
    )


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(CANNOT_LOOK)
