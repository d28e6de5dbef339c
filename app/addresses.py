"""How a database's address is shown: without what is secret, however it is spelt."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from sqlalchemy import URL

HIDDEN = "***"
_SHOWN_OPTIONS = ("host", "port", "sslmode", "user", "dbname")
"""Options whose value is no secret: any other may be one, misspelt or not."""


def shown(url: URL) -> str:
    """Return an address without passwords, wherever in it they stand."""
    bare = url.set(
        username=_unless(url.username, ":"),
        # A "?" in the password: its "@" stood in an option, and what follows is that one's rest.
        host=HIDDEN if "?" in str(url.password) else _unless(url.host, "@"),
        database=_unless(url.database, "=@;"),
        query={},
    )
    text = bare.render_as_string().replace(quote(HIDDEN), HIDDEN)
    options = [
        f"{key}={value if key in _SHOWN_OPTIONS else HIDDEN}" for key, value in _options_of(url)
    ]
    return f"{text}?{'&'.join(options)}" if options else text


def shown_text(text: str) -> str:
    """Return of what is no address as much as can hold no password."""
    scheme, is_one, rest = text.partition("://")
    if not is_one:
        return HIDDEN if re.search(r"[:=@]", text) else text[:60]
    before, _, where = re.split(r"[?#]", rest, maxsplit=1)[0].rpartition("@")
    return f"{HIDDEN}@{where[:60]}" if before else f"{scheme}://{HIDDEN}"


def without_secrets(text: str, url: URL) -> str:
    """Return what a driver says without anything that the address keeps secret."""
    secrets = [url.password, *(v for key, v in _options_of(url) if key not in _SHOWN_OPTIONS)]
    secrets += [(url.username or "").partition(":")[2], (url.host or "").rpartition("@")[0]]
    for secret in sorted(spellings(secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def spellings(words: Iterable[str | None]) -> set[str]:
    """Return words as they are, and as they stand in an address; none that is a single letter."""
    long = [word for word in words if word is not None and len(word) > 1]
    return {spelt for word in long for spelt in (word, quote(word), quote_plus(word))}


def _options_of(url: URL) -> Iterator[tuple[str, str]]:
    for key, value in url.query.items():
        for each in (value,) if isinstance(value, str) else value:
            yield key, each


def _unless(part: str | None, marks: str) -> str | None:
    """Hide a part in which one of these marks stands: it holds more than it should."""
    return HIDDEN if part is not None and any(mark in part for mark in marks) else part
