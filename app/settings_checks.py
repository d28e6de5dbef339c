"""What a text must be to be a setting; a check says what is wrong and repeats no secret."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from app.errors import DatabaseUnavailable

_BOT_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{30,60}")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?")
_BOT_ID = re.compile(r"[1-9][0-9]{0,15}")
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CLIENT_TOKEN = re.compile(r"(\*|\[\]|[\w.~-]{1,100}):([\w.~-]{1,100}?)\.([\w-]{8,200})", re.ASCII)
_ADMIN_TOKEN = re.compile(r"(\*:\*\.|user:)[\w-]{8,200}", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}
SHORTEST_SECRET = 32


def database_url(text: str, *, instance_path: Path) -> str:
    """Return the address of a database. Raises ValueError."""
    # Not above: it loads all of SQLAlchemy, which a command that reads files has no use for.
    from app.engines import parse_url

    try:
        parse_url(text, instance_path=instance_path)
    except DatabaseUnavailable as error:
        raise ValueError(f"is wrong: {error}") from error
    return text


def host_name(text: str) -> str:
    """Return the name of a host. Raises ValueError."""
    if _HOST_NAME.fullmatch(text) is None:
        raise ValueError(
            f"is {text!r}: give up to 100 letters, digits, dots, dashes and underscores"
        )
    return text


def listening_host(text: str) -> str:
    """Return the address or name where to listen, IPv6 without brackets. Raises ValueError."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        if _NAME.fullmatch(text) is None:
            raise ValueError(
                f"is {text!r}: give an address of this machine, such as 127.0.0.1 or ::1, or its"
                " name; the port is PORT"
            ) from None
    return bare


def origins(text: str) -> tuple[str, ...]:
    """Return the origins of a list with commas, as browsers write them. Raises ValueError."""
    found = tuple(origin.strip() for origin in text.split(","))
    for origin in found:
        if not _is_origin(origin):
            raise ValueError(
                f"holds {origin!r}: give origins as browsers send them, such as"
                " https://app.example, with commas between them: no path, no *, no capitals,"
                " no port that is the default"
            )
    return found


def _is_origin(text: str) -> bool:
    if _ORIGIN.fullmatch(text) is None:
        return False
    try:
        parts = urlsplit(text)
        return parts.port is None or parts.port != _DEFAULT_PORTS[parts.scheme]
    except ValueError:  # a port above 65535, an address that is none
        return False


def bot_token(text: str) -> str:
    """Return the token of a bot. Raises ValueError."""
    if _BOT_TOKEN.fullmatch(text) is None:
        raise ValueError(
            "is not the token of a bot: give it as BotFather showed it, digits:letters"
        )
    return text


def bot_id(text: str) -> int:
    """Return the id of a bot. Raises ValueError."""
    if _BOT_ID.fullmatch(text) is None:  # it may be the token: it is not repeated
        raise ValueError("is not the id of a bot: give the number before the colon of its token")
    return int(text)


def secret_key(text: str) -> str:
    """Return a key that cannot be guessed by its length. Raises ValueError."""
    if len(text) < SHORTEST_SECRET:
        raise ValueError(
            f"has {len(text)} characters: give at least {SHORTEST_SECRET}, such as those of"
            " python -c 'import secrets; print(secrets.token_hex())'"
        )
    return text


def bus_url(text: str) -> str:
    """Return the address of a Redis. Raises ValueError."""
    if not _is_redis(text):
        raise ValueError(
            "is not the address of a Redis: give redis://host:6379/0, rediss:// for TLS, or"
            " unix:///path/to/socket, without ?options"
        )
    return text


def _is_redis(text: str) -> bool:
    try:
        parts = urlsplit(text)
        if parts.query or parts.fragment:
            return False
        if parts.scheme == "unix":
            return bool(parts.path)
        return parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def unleash_url(text: str) -> str:
    """Return the address of an Unleash server without a path. Raises ValueError."""
    bare = text.strip().rstrip("/").removesuffix("/api").rstrip("/")
    if not _is_server(bare):
        raise ValueError(
            "is not the address of an Unleash server: give it as https://unleash.example or"
            " http://host:4242, without a user, ?options or a path but /api"
        )
    return bare


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = not (parts.query or parts.fragment or parts.username or parts.password)
        usable = bool(parts.hostname) and parts.port != 0 and not re.search(r"[\s\\]", url)
    except ValueError:  # a port that is no number
        return False
    return parts.scheme in ("http", "https") and plain and usable


def unleash_client_token(text: str) -> str:
    """Return a token that may read the flags of one environment. Raises ValueError."""
    if text.startswith("*:*."):
        raise ValueError(
            "is an admin token: workers need a client token (backend), which can change nothing"
        )
    if _CLIENT_TOKEN.fullmatch(text) is None:
        raise ValueError(
            "is not a client token of Unleash: give it as it was shown, project:environment.secret"
        )
    return text


def unleash_admin_token(text: str) -> str:
    """Return a token that may change flags. Raises ValueError."""
    if _ADMIN_TOKEN.fullmatch(text) is None:
        raise ValueError(
            "is not an admin token of Unleash: give it as it was shown, *:*.secret, or a personal"
            " access token, user:secret"
        )
    return text


def environment_of(client_token: str) -> tuple[str, str]:
    """Return project and environment of a client token; a token for several means `default`."""
    project, _, rest = client_token.partition(":")
    environment = rest.rpartition(".")[0]
    return ("default" if project in ("*", "[]") else project), environment
