"""What operators and strangers are shown of addresses, and what nobody is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from app.addresses import shown, shown_text, without_secrets
from app.database_errors import named_error
from app.engines import parse_url
from app.errors import DatabaseUnavailable
from app.settings import Settings
from app.settings_guard import GuardSettings
from app.web.strangers import for_strangers
from tests.web.live import serving

SECRET = "hunter2-zZ"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"postgresql://app:{SECRET}@db:5432/money", "postgresql://app:***@db:5432/money"),
        (f"postgresql://db/money?password={SECRET}", "postgresql://db/money?password=***"),
        (f"postgresql://db/money?PassWord={SECRET}", "postgresql://db/money?PassWord=***"),
        (f"postgresql://db/m?sslpassword={SECRET}&host=h", "postgresql://db/m?sslpassword=***&host=h"),
        (f"postgresql://db/m?password={SECRET}&password=x", "postgresql://db/m?password=***&password=***"),
        (f"postgresql://app%3A{SECRET}@db/money", "postgresql://***@db/money"),
        (f"postgresql://app:a@{SECRET}@db/money", "postgresql://app:***@***/money"),
        (f"postgresql://db:5432/money?password=a@{SECRET}", "postgresql://db:***@***"),
        (f"postgresql://db/money;password={SECRET}", "postgresql://db/***"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_password_however_it_is_spelt(
    address: str, said: str
) -> None:
    """In the authority, in the query in any letters, in what was meant to be another part."""
    assert shown(make_url(address)) == said


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://app:{SECRET}@db:port/money",
        f"postgresql://app:{SECRET}/money",
        f"postgresql://app:se?{SECRET}@db:port/money",
        f"postgresql://db:port/money?password={SECRET}",
        f"host=db password={SECRET}",
        f"app:{SECRET}@db",
        f"mysql://db/money?password={SECRET}",
        f"sqlite:///app.db?password={SECRET}",
    ],
)
def test_what_is_no_address_of_ours_is_refused_without_its_password(text: str) -> None:
    """Nor is anything said of it that might hold one."""
    with pytest.raises(DatabaseUnavailable) as refused:
        parse_url(text, instance_path=Path("/x"))
    assert SECRET not in str(refused.value)
    assert SECRET not in shown_text(text)


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_a_driver_says_no_secret_of_an_address(secret: str, before: str, after: str) -> None:
    """Not as it was given, wherever its error repeats it."""
    url = make_url("postgresql://app@db/money").set(password=secret)
    assert secret not in without_secrets(before + secret + after, url).replace("***", "\0")


def test_the_error_of_a_database_holds_no_secret_of_its_address() -> None:
    """Neither in what we say, nor in what the driver said."""
    url = make_url(f"postgresql+psycopg://app:{SECRET}@db/money?sslpassword=b-{SECRET}")
    cause = RuntimeError(f'invalid value "{SECRET}" and "b-{SECRET}" at db')
    error = named_error(OperationalError("SELECT 1", {}, cause), url)
    assert SECRET not in str(error)
    assert "db/money" in str(error)


SETTINGS = Settings(
    instance_path=Path("/srv/shim/instance"),
    database_url=f"postgresql://writer:{SECRET}@db.inner:5432/ledgerdb?host=/run/pg",
    host_name="web-1",
    notify_bus_url=f"redis://:{SECRET}@bus.inner:6379/0",
    unleash_url="https://flags.inner",
    guard=GuardSettings(webhook=f"https://chat.inner/hook/{SECRET}"),
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "the database postgresql://writer:***@db.inner/ledgerdb cannot be used (connection to"
            ' server at "10.1.2.3", port 5432 failed: FATAL: role "writer" is not there)',
            "the database *** cannot be used (connection to server at ***, port 5432 failed:"
            " FATAL: role *** is not there)",
        ),
        (
            'socket "/run/pg/.s.PGSQL.5432" failed: No such file or directory',
            "socket *** failed: No such file or directory",
        ),
        (
            "kill switch: Redis: Error 111 connecting to bus.inner:6379. Connection refused.",
            "kill switch: Redis: Error 111 connecting to ***:6379. Connection refused.",
        ),
        (
            "[Errno 13] Permission denied: '/srv/shim/instance/latch.json'",
            "[Errno 13] Permission denied: 'latch.json'",
        ),
        ("/srv/shim/instance is read-only", "*** is read-only"),
        ("no FLAGS.inner at fd00::7 or [::1]:80", "no *** at *** or [***]:80"),
        ("worker web-1 since 02:03:04, or /etc/shadow", "worker *** since 02:03:04, or ***"),
        ("balance: shadows are stuck and/or late", "balance: shadows are stuck and/or late"),
        (
            "the database sqlite:////srv/shim/instance/app.db is locked",
            "the database app.db is locked",
        ),
        ("who=writer db=ledgerdb pw=hunter2-zZ", "who=*** db=*** pw=***"),
    ],
)  # fmt: skip
def test_a_stranger_reads_no_host_user_or_path(text: str, said: str) -> None:
    """What is amiss is still said."""
    assert for_strangers(text, SETTINGS) == said


def test_readyz_tells_strangers_nothing_of_a_database_that_is_away(tmp_path: Path) -> None:
    """Over HTTP, with a database that nobody reaches."""
    address = f"postgresql://writer:{SECRET}@localhost:1/ledgerdb?password={SECRET}"
    with serving(tmp_path) as live:
        broken = Settings(instance_path=tmp_path, database_url=address)
        live.parts.database.dispose()
        live.parts.database.__init__(address, instance_path=tmp_path)  # type: ignore[misc]
        object.__setattr__(live.parts, "settings", broken)
        answer = live.get("/readyz")
    assert answer.status == 503
    assert "cannot be used" in answer.text
    for word in (SECRET, "writer", "localhost", "127.0.0.1", "::1", "ledgerdb", str(tmp_path)):
        assert word not in answer.text
