"""What anybody may read of a problem: nothing of hosts, users, paths and passwords."""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

from app.addresses import HIDDEN, spellings
from app.settings import Settings

_TELLING = re.compile(
    r"""
    [a-z][a-z0-9+.-]*://[^\s'")]*                     # an address
    | '[^'\n]*/[^'\n]*' | "[^"\n]*/[^"\n]*"           # a path in quotes
    | (?<![\w/.])~?/[^\s'":,;()]+                     # a path
    | (?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])      # IPv4
    | (?<![\w:.])(?=[0-9a-f:]*::|(?:[0-9a-f]+:){7})[0-9a-f:]{2,}(?![\w])   # IPv6
    | (?<=user\ )"[^"\n]*" | (?<=role\ )"[^"\n]*"     # what PostgreSQL quotes
    | (?<=host\ )"[^"\n]*" | (?<=database\ )"[^"\n]*" | (?<=server\ at\ )"[^"\n]*"
    """,
    re.VERBOSE | re.IGNORECASE,
)


def for_strangers(text: str, settings: Settings) -> str:
    """Return a problem as anybody may read it; of a file in the instance folder, its name there."""
    for folder in (f"sqlite:///{settings.instance_path}/", f"{settings.instance_path}/"):
        text = text.replace(folder, "")
    text = _TELLING.sub(HIDDEN, text.replace(str(settings.instance_path), HIDDEN))
    addresses = (settings.notify_bus_url, settings.unleash_url, settings.guard.webhook)
    database = () if settings.database_url.startswith("sqlite") else (settings.database_url,)
    names = (settings.host_name, settings.host)
    return _ours(names, (*database, *filter(None, addresses))).sub(HIDDEN, text)


@lru_cache(maxsize=8)
def _ours(names: tuple[str, ...], addresses: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds the words that our own addresses are made of."""
    words = [*names, *(word for address in addresses for word in _words_of(address))]
    found = sorted(spellings(word for word in words if not word.isdigit()), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, found))})(?!\w)", re.IGNORECASE)


def _words_of(address: str) -> Iterator[str]:
    parts = urlsplit(address)
    who, _, where = parts.netloc.rpartition("@")
    found = [*who.split(":", 1), *re.split(r"[\[\],]|:(?=\d+$|\d+,)", where)]
    found += parts.path.split("/")
    found += [value for _, value in parse_qsl(parts.query)]
    yield from map(unquote, found)
