"""Settings: what holds without any, and what each bad one is told."""

import re
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.worker_log import Retention
from app.environment import distance
from app.factory import create_app
from app.settings import Settings, SettingsError
from app.settings_admission import TokenRules
from app.settings_checks import environment_of
from app.settings_digest import OF_COMMANDS, differing, settings_digest
from app.settings_guard import GuardSettings

ROOT = Path(__file__).parents[2]
DEFAULTS = {
    "guard": GuardSettings(),
    "database_url": "sqlite:///app.db",
    "host_name": socket.gethostname(),
    "host": "127.0.0.1",
    "port": 8000,
    "workers": 1,
    "threads": 64,
    "demo": False,
    "schedulers": True,
    "farming_interval_s": 300.0,
    "boost_interval_s": 300.0,
    "shadow_queue": 10_000,
    "shadow_deadline_ms": 1000,
    "shadow_cpu_percent": 5.0,
    "shadow_noise_percent": 10,
    "log_user_ids": "hash",
    "log_file_mb": 64,
    "log_total_mb": 1024,
    "log_days": 14,
    "replay_days": 14,
    "ledger_days": 90,
    "log_first_lines": 10,
    "notify_bus_url": None,
    "secret_key": None,
    "sweep_interval_s": 5.0,
    "unleash_url": None,
    "unleash_client_token": None,
    "unleash_admin_token": None,
    "hook_token": None,
    "admission": "enforce",
    "origins": (),
    "bot_token": None,
    "bot_id": None,
    "token_rules": None,
    "init_data_age_s": 86_400,
    "max_connections": 20_000,
    "max_user_connections": 16,
    "max_message_bytes": 65_536,
    "message_rate": 5.0,
    "message_burst": 50,
    "frame_distance_ms": 1000,
    "bulk_spread_ms": 5000,
}
SECRET = "0123456789abcdef" * 2
TOKEN = "123456:" + "Ab_-" * 9
GOOD = {
    "DATABASE_URL": ("postgresql://app@db/app", "database_url", "postgresql://app@db/app"),
    "PORT": ("65535", "port", 65535),
    "SHIM_HOST": ("0.0.0.0", "host", "0.0.0.0"),
    "SHIM_HOST_NAME": ("web-1.example", "host_name", "web-1.example"),
    "SHIM_WORKERS": ("4", "workers", 4),
    "SHIM_THREADS": ("2", "threads", 2),
    "SHIM_DEMO": ("1", "demo", True),
    "SHIM_SCHEDULERS": ("off", "schedulers", False),
    "SHIM_FARMING_INTERVAL_S": ("0.5", "farming_interval_s", 0.5),
    "SHIM_BOOST_INTERVAL_S": ("86400", "boost_interval_s", 86_400.0),
    "SHIM_SHADOW_QUEUE": ("1", "shadow_queue", 1),
    "SHIM_SHADOW_DEADLINE_MS": ("10", "shadow_deadline_ms", 10),
    "SHIM_SHADOW_CPU_PERCENT": ("0.1", "shadow_cpu_percent", 0.1),
    "SHIM_SHADOW_NOISE_PERCENT": ("0", "shadow_noise_percent", 0),
    "SHIM_LOG_FIRST_LINES": ("500", "log_first_lines", 500),
    "SHIM_LOG_USER_IDS": ("plain", "log_user_ids", "plain"),
    "SHIM_LOG_FILE_MB": ("1", "log_file_mb", 1),
    "SHIM_LOG_TOTAL_MB": ("2", "log_total_mb", 2),
    "SHIM_LOG_DAYS": ("30", "log_days", 30),
    "SHIM_SECRET_KEY": (SECRET, "secret_key", SECRET),
    "SHIM_SWEEP_INTERVAL_S": ("0.1", "sweep_interval_s", 0.1),
    "SHIM_ADMISSION": ("report-only", "admission", "report-only"),
    "SHIM_ORIGINS": (
        "https://app.example, http://[::1]:8000",
        "origins",
        ("https://app.example", "http://[::1]:8000"),
    ),
    "SHIM_BOT_TOKEN": (TOKEN, "bot_token", TOKEN),
    "SHIM_BOT_ID": ("7342037359", "bot_id", 7342037359),
    "SHIM_INIT_DATA_AGE_S": ("3600", "init_data_age_s", 3600),
    "SHIM_MAX_CONNECTIONS": ("10000", "max_connections", 10_000),
    "SHIM_MAX_USER_CONNECTIONS": ("1", "max_user_connections", 1),
    "SHIM_MAX_MESSAGE_BYTES": ("4096", "max_message_bytes", 4096),
    "SHIM_MESSAGE_RATE": ("0.5", "message_rate", 0.5),
    "SHIM_MESSAGE_BURST": ("100", "message_burst", 100),
    "SHIM_FRAME_DISTANCE_MS": ("0", "frame_distance_ms", 0),
    "SHIM_BULK_SPREAD_MS": ("0", "bulk_spread_ms", 0),
}
MEANT = {
    ("SHIM_SHADOW_NOISE_PERCENT", "0"),
    ("SHIM_FRAME_DISTANCE_MS", "0"),
    ("SHIM_BULK_SPREAD_MS", "0"),
}
"""Numbers that mean something for one setting, and nothing for the others."""
NUMBERS = {
    "SHIM_LOG_FILE_MB": "give a whole number from 1 to 10000",
    "SHIM_LOG_TOTAL_MB": "give a whole number from 2 to 1000000",
    "SHIM_LOG_DAYS": "give a whole number from 1 to 3650",
    "PORT": "give a whole number from 1 to 65535",
    "SHIM_WORKERS": "give a whole number from 1 to 64",
    "SHIM_THREADS": "give a whole number from 2 to 1000",
    "SHIM_FARMING_INTERVAL_S": "give a number from 0.1 to 86400",
    "SHIM_BOOST_INTERVAL_S": "give a number from 0.1 to 86400",
    "SHIM_SHADOW_QUEUE": "give a whole number from 1 to 1000000",
    "SHIM_SHADOW_DEADLINE_MS": "give a whole number from 10 to 60000",
    "SHIM_SHADOW_CPU_PERCENT": "give a number from 0.1 to 100",
    "SHIM_SHADOW_NOISE_PERCENT": "give a whole number from 0 to 100",
    "SHIM_SWEEP_INTERVAL_S": "give a number from 0.1 to 3600",
    "SHIM_LOG_FIRST_LINES": "give a whole number from 1 to 1000000",
    "SHIM_INIT_DATA_AGE_S": "give a whole number from 60 to 2592000",
    "SHIM_MAX_CONNECTIONS": "give a whole number from 1 to 1000000",
    "SHIM_MAX_USER_CONNECTIONS": "give a whole number from 1 to 10000",
    "SHIM_MAX_MESSAGE_BYTES": "give a whole number from 1024 to 16777216",
    "SHIM_MESSAGE_RATE": "give a number from 0.1 to 10000",
    "SHIM_MESSAGE_BURST": "give a whole number from 5 to 100000",
    "SHIM_FRAME_DISTANCE_MS": "give a whole number from 0 to 60000",
    "SHIM_BULK_SPREAD_MS": "give a whole number from 0 to 120000",
}
CHOICES = {
    "SHIM_DEMO": "give one of 0, 1",
    "SHIM_SCHEDULERS": "give one of on, off",
    "SHIM_LOG_USER_IDS": "give one of hash, plain",
    "SHIM_ADMISSION": "give one of off, report-only, enforce",
}


def problems(**environ: str) -> list[str]:
    """Return what is said against an environment, line by line."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ(environ)
    return str(refused.value).splitlines()


def test_an_empty_environment_gives_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has to be set: SQLite in the instance folder, port 8000 on this machine alone."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environ({})
    assert settings.instance_path == tmp_path / "instance"
    found = {field.name: getattr(settings, field.name) for field in fields(settings)}
    assert found == {"instance_path": tmp_path / "instance", **DEFAULTS}
    assert not (tmp_path / "instance").exists()


@pytest.mark.parametrize("name", GOOD)
def test_each_setting_is_read_from_its_name(name: str) -> None:
    """Each name sets its own field and no other."""
    text, field, value = GOOD[name]
    settings = Settings.from_environ({name: text})
    assert getattr(settings, field) == value
    others = {**DEFAULTS, field: value}
    assert {each: getattr(settings, each) for each in DEFAULTS} == others


def test_the_retention_of_the_log_is_in_bytes_and_days() -> None:
    """Settings are in megabytes; what is kept is told in bytes."""
    settings = Settings.from_environ(
        {"SHIM_LOG_FILE_MB": "3", "SHIM_LOG_TOTAL_MB": "9", "SHIM_LOG_DAYS": "5"}
    )
    assert settings.log_retention == Retention(3 * 2**20, 9 * 2**20, 5)


def test_every_file_lies_in_the_instance_folder(tmp_path: Path) -> None:
    """One folder holds all that an instance keeps."""
    settings = Settings.from_environ({"SHIM_INSTANCE": str(tmp_path)})
    names = {
        *("flags.json", "latch.json", "history.jsonl", "run", "log", "log.key"),
        *("secret.key", "schedulers.lock"),
    }
    kept = (
        settings.flag_file,
        settings.latch_file,
        settings.history_file,
        settings.run_path,
        settings.log_path,
        settings.key_file,
        settings.secret_file,
        settings.scheduler_lock,
    )
    assert {str(path.relative_to(tmp_path)) for path in kept} == names


def test_a_relative_instance_folder_is_taken_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path is absolute from then on, wherever the process goes."""
    monkeypatch.chdir(tmp_path)
    assert Settings.from_environ({"SHIM_INSTANCE": "here"}).instance_path == tmp_path / "here"


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["abc", "-1", "0", "1e9", "nan", "inf", "0x10", "1,5"])
def test_a_bad_number_is_refused_with_name_value_and_limits(name: str, text: str) -> None:
    """The message holds the setting, what was given, and what can be given."""
    if (name, text) not in MEANT:
        assert problems(**{name: text}) == [f"{name} is {text!r}: {NUMBERS[name]}"]


@pytest.mark.parametrize("name", [name for name in NUMBERS if "whole" in NUMBERS[name]])
def test_a_fraction_is_no_whole_number(name: str) -> None:
    """A whole number is not rounded out of a fraction."""
    assert problems(**{name: "12.5"}) == [f"{name} is '12.5': {NUMBERS[name]}"]


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("text", ["yes", "TRUE", "Hash"])
def test_a_bad_choice_is_refused_with_the_choices(name: str, text: str) -> None:
    """The message holds the setting, what was given, and every choice."""
    assert problems(**{name: text}) == [f"{name} is {text!r}: {CHOICES[name]}"]


@pytest.mark.parametrize("name", [*GOOD, "SHIM_INSTANCE"])
@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_value_is_refused_once(name: str, text: str) -> None:
    """An empty value is neither the default nor two problems."""
    assert problems(**{name: text}) == [f"{name} is empty: give a value, or unset it"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nonsense", "'nonsense' is not a database URL"),
        ("mysql://u:secret@h/db", "mysql://u:***@h/db is not a database we can use"),
        ("postgresql://u:secret@h:port/db", "'***@h:port/db' is not a database URL"),
        ("sqlite://", "sqlite:// is not a database we can use"),
        ("sqlite:///:memory:", "sqlite:///%3Amemory%3A is not a database we can use"),
    ],
)
def test_a_bad_database_url_is_refused_without_its_password(url: str, shown: str) -> None:
    """The message says what can be given, and never repeats a secret."""
    (problem,) = problems(DATABASE_URL=url)
    assert problem.startswith(f"DATABASE_URL is wrong: {shown}")
    assert "set DATABASE_URL to sqlite:///path/to/file.db or postgresql://" in problem
    assert "secret" not in problem


def test_a_file_is_no_instance_folder(tmp_path: Path) -> None:
    """Neither a file nor something below one can be the folder."""
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        (problem,) = problems(SHIM_INSTANCE=str(path))
        assert problem == f"SHIM_INSTANCE is {str(path)!r}: {file} is a file; name a folder"


def test_a_folder_that_cannot_be_looked_for_is_refused() -> None:
    """What the system says of the name is passed on, before anything is started."""
    path = "/tmp/" + "a" * 300
    (problem,) = problems(SHIM_INSTANCE=path)
    assert problem == f"SHIM_INSTANCE is {path!r}: File name too long; name another folder"


def test_a_folder_that_cannot_be_made_is_refused_when_the_application_is_built() -> None:
    """What only the system can know is still a problem with a setting, not a stack trace."""
    path = Path("/proc/self/nothing/can/be/made/here")
    with pytest.raises(SettingsError, match=r"SHIM_INSTANCE is '/proc.*name a folder"):
        create_app(Settings(instance_path=path, database_url="sqlite:///app.db"))


def test_an_unknown_name_with_the_prefix_is_refused_with_the_nearest() -> None:
    """A misspelled setting is never quietly without effect."""
    assert problems(SHIM_LOG_USERIDS="plain") == [
        "SHIM_LOG_USERIDS is not a setting: did you mean SHIM_LOG_USER_IDS? Or unset it"
    ]


def test_names_of_others_are_left_alone() -> None:
    """What the system and other programs set is none of our business, however it looks."""
    others = ("PATH", "HOME", "HOST", "PGPORT", "DBPORT", "ROOT", "FONT", "DATABASE_URI", "PROT")
    Settings.from_environ(dict.fromkeys(others, "x"))


def links(service: str, *, host: str, port: int, protocol: str = "tcp") -> dict[str, str]:
    """Return what Kubernetes puts into the environment of each container for one service."""
    name, kind = service.upper().replace("-", "_"), protocol.upper()
    address = f"{protocol}://{host}:{port}"
    return {
        f"{name}_SERVICE_HOST": host,
        f"{name}_SERVICE_PORT": str(port),
        f"{name}_SERVICE_PORT_HTTP": str(port),
        f"{name}_PORT": address,
        f"{name}_PORT_{port}_{kind}": address,
        f"{name}_PORT_{port}_{kind}_PROTO": protocol,
        f"{name}_PORT_{port}_{kind}_PORT": str(port),
        f"{name}_PORT_{port}_{kind}_ADDR": host,
    }


@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
@pytest.mark.parametrize("service", ["shim", "shim-foo", "shim-2", "shim-service", "shim-port"])
def test_addresses_of_services_that_kubernetes_gives_are_passed_over(
    service: str, protocol: str
) -> None:
    """A service whose name begins as our prefix does keeps nothing from its start."""
    environ = links(service, host="fd00::7", port=8000, protocol=protocol)
    assert Settings.from_environ(environ) == Settings.from_environ({})


@pytest.mark.parametrize("name", ["SHIM_PORT", "SHIM_HTTP_PORT", "SHIM_PORT_X_TCP", "SHIM_SERVICE"])
def test_what_only_looks_like_an_address_of_a_service_is_refused(name: str) -> None:
    """A port by itself is a misspelt setting, not an address."""
    [problem] = problems(**{name: "8000"})
    assert problem.startswith(f"{name} is not a setting: did you mean SHIM_")


def test_read_gives_the_default_for_what_is_wrong_and_says_all_of_it() -> None:
    """A way back goes on with what there is; half of a pair of settings is none of it."""
    environ = {
        "SHIM_DEMO": "perhaps",
        "PORT": "eighty",
        "SHIM_RAMP": "up",
        "SHIM_SHADDOW_QUEUE": "5",
        "NOTIFY_BUS_URL": "redis://h",
        "UNLEASH_URL": "http://unleash",
        "UNLEASH_CLIENT_TOKEN": "nonsense",
    }
    settings, found = Settings.read(environ)
    assert settings == Settings.from_environ({})
    assert {line.partition(" ")[0] for line in found} == {*environ} - {"UNLEASH_URL"}


UNLEASH = {
    "UNLEASH_URL": "https://unleash.example/api/",
    "UNLEASH_CLIENT_TOKEN": "default:development.s3cret-s3cret",
    "UNLEASH_ADMIN_TOKEN": "*:*.s3cret-s3cret",
}


def test_an_unleash_server_is_given_by_its_address_and_tokens() -> None:
    """The address is taken with or without the path of its API; project and environment follow."""
    settings = Settings.from_environ(UNLEASH)
    assert settings.unleash_url == "https://unleash.example"
    assert environment_of(str(settings.unleash_client_token)) == ("default", "development")
    assert environment_of("*:production.abcdefgh") == ("default", "production")
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize("missing", ["UNLEASH_URL", "UNLEASH_CLIENT_TOKEN"])
def test_half_of_an_unleash_server_is_refused(missing: str) -> None:
    """An address without a token reads nothing, and a token without an address goes nowhere."""
    said = problems(**{name: value for name, value in UNLEASH.items() if name != missing})
    assert said
    assert all(f"{missing} is not" in line for line in said)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("UNLEASH_URL", "unleash.example", "is not the address of an Unleash server"),
        ("UNLEASH_URL", "ftp://unleash.example", "is not the address of an Unleash server"),
        ("UNLEASH_URL", "http://u:s3cret@unleash", "is not the address of an Unleash server"),
        ("UNLEASH_URL", "http://unleash:port", "is not the address of an Unleash server"),
        ("UNLEASH_URL", "http://unleash/api?s3cret", "is not the address of an Unleash server"),
        ("UNLEASH_CLIENT_TOKEN", "s3cret", "is not a client token of Unleash"),
        ("UNLEASH_CLIENT_TOKEN", "default:s3cret", "is not a client token of Unleash"),
        ("UNLEASH_CLIENT_TOKEN", "default:dev.s3cret s3cret", "is not a client token of Unleash"),
        ("UNLEASH_CLIENT_TOKEN", "*:*.s3cret-s3cret", "is an admin token: workers need a client"),
        ("UNLEASH_ADMIN_TOKEN", "s3cret-s3cret", "is not an admin token of Unleash"),
        ("UNLEASH_ADMIN_TOKEN", "default:dev.s3cret-s3", "is not an admin token of Unleash"),
        ("SHIM_HOOK_TOKEN", "s3cret", "has 6 characters: give at least 32"),
    ],
)
def test_a_bad_part_of_an_unleash_server_is_refused_without_its_secret(
    name: str, value: str, words: str
) -> None:
    """The message says what can be given, and never repeats what was."""
    (problem,) = problems(**{**UNLEASH, name: value})
    assert problem.startswith(f"{name} {words}")
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    "url", ["redis://h", "rediss://u:p@h:6380/1", "redis://[::1]:6379/0", "unix:///run/redis.sock"]
)
def test_a_bus_is_a_redis_with_a_key_of_its_own(url: str) -> None:
    """The address is taken as it is, with a key that every host has been given."""
    settings = Settings.from_environ({"NOTIFY_BUS_URL": url, "SHIM_SECRET_KEY": SECRET})
    assert settings.notify_bus_url == url


def test_a_bus_without_a_key_is_refused() -> None:
    """Workers of two hosts could not tell each other's hints from forged ones."""
    (problem,) = problems(NOTIFY_BUS_URL="redis://h")
    assert problem.startswith("NOTIFY_BUS_URL is set and SHIM_SECRET_KEY is not: give every worker")


@pytest.mark.parametrize(
    "url", ["h:6379", "http://s3cret@h", "redis://", "redis://s3cret@h:port", "unix:"]
)
def test_a_bad_bus_is_refused_without_its_password(url: str) -> None:
    """The message says what can be given, and never repeats what was."""
    (problem,) = problems(NOTIFY_BUS_URL=url, SHIM_SECRET_KEY=SECRET)
    assert problem.startswith("NOTIFY_BUS_URL is not the address of a Redis: give redis://host")
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "null", "app.example", "https://app.example/", "https://App.example"),
        *("https://app.example:443", "http://app.example:80", "https://a.example:99999"),
        *("https://user@app.example", "wss://app.example", "https://a.example,,https://b.example"),
    ],
)
def test_what_no_browser_sends_is_no_origin(origin: str) -> None:
    """An origin that could never be equal to a browser's is refused, not kept in vain."""
    (problem,) = problems(SHIM_ORIGINS=origin)
    assert problem.startswith("SHIM_ORIGINS holds ")
    assert "give origins as browsers send them" in problem


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("SHIM_BOT_TOKEN", "s3cret", "is not the token of a bot: give it as BotFather showed it"),
        ("SHIM_BOT_TOKEN", "12:s3cret s3cret s3cret s3cret s3cret", "is not the token of a bot"),
        ("SHIM_BOT_ID", "12:s3cret", "is not the id of a bot: give the number before the colon"),
        ("SHIM_BOT_ID", "0", "is not the id of a bot"),
        ("SHIM_SECRET_KEY", "s3cret", "has 6 characters: give at least 32, such as those of"),
    ],
)
def test_a_bad_secret_is_refused_and_not_repeated(name: str, text: str, said: str) -> None:
    """The message says what to give instead."""
    (problem,) = problems(**{name: text})
    assert problem.startswith(f"{name} {said}")
    assert "s3cret" not in problem


def test_tokens_are_checked_by_a_secret_or_by_a_public_key() -> None:
    """What checks them is one set of rules: key, audience, algorithm and claim."""
    settings = Settings.from_environ({"SHIM_JWT_KEY": SECRET, "SHIM_JWT_AUDIENCE": "shim"})
    assert settings.token_rules == TokenRules(key=SECRET, audience="shim")
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    environ = {
        "SHIM_JWT_KEY": public.decode(),
        "SHIM_JWT_AUDIENCE": "shim",
        "SHIM_JWT_ALGORITHM": "ES256",
        "SHIM_JWT_CLAIM": "userId",
    }
    assert Settings.from_environ(environ).token_rules == TokenRules(
        key=public.decode(), audience="shim", algorithm="ES256", claim="userId"
    )
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for wrong in ({"SHIM_JWT_KEY": secret}, {"SHIM_JWT_ALGORITHM": "RS256"}):
        (problem,) = problems(**{**environ, **wrong})
        assert problem.startswith("SHIM_JWT_KEY is no public key in PEM, which ")
        assert "BEGIN" not in problem


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SHIM_JWT_KEY": SECRET}, "SHIM_JWT_KEY is set and SHIM_JWT_AUDIENCE is not: name whom"),
        ({"SHIM_JWT_AUDIENCE": "x"}, "SHIM_JWT_AUDIENCE is set and SHIM_JWT_KEY is not: set it"),
        ({"SHIM_JWT_KEY": "s3cret", "SHIM_JWT_AUDIENCE": "x"}, "SHIM_JWT_KEY has 6 bytes: HS256"),
        (
            {"SHIM_JWT_KEY": f"-----BEGIN {SECRET}", "SHIM_JWT_AUDIENCE": "x"},
            "SHIM_JWT_KEY is a key in PEM, and SHIM_JWT_ALGORITHM is HS256, which takes a secret",
        ),
        (
            {"SHIM_JWT_KEY": SECRET, "SHIM_JWT_AUDIENCE": "x", "SHIM_JWT_ALGORITHM": "RS256"},
            "SHIM_JWT_KEY is no public key in PEM, which RS256 takes",
        ),
        (
            {"SHIM_JWT_KEY": SECRET, "SHIM_JWT_AUDIENCE": "x", "SHIM_JWT_ALGORITHM": "none"},
            "SHIM_JWT_ALGORITHM is 'none': give one of HS256, ",
        ),
    ],
)
def test_rules_by_which_no_token_can_be_checked_are_refused(
    environ: dict[str, str], said: str
) -> None:
    """With the name and what to do, and without the key."""
    problem = problems(**environ)[0]
    assert problem.startswith(said)
    assert "s3cret" not in problem
    assert SECRET not in problem


def test_no_secret_is_shown_when_settings_are_printed() -> None:
    """A settings object in a log or a traceback gives nothing away."""
    settings = Settings.from_environ(
        {
            "NOTIFY_BUS_URL": "redis://user:s3cret@h",
            "DATABASE_URL": "postgresql://user:s3cret@h/app",
            "SHIM_SECRET_KEY": SECRET,
            "SHIM_BOT_TOKEN": TOKEN,
            "SHIM_JWT_KEY": "f" * 64,
            "SHIM_JWT_AUDIENCE": "shim",
        }
    )
    shown = repr(settings)
    assert all(secret not in shown for secret in ("s3cret", SECRET, TOKEN, "f" * 64))


def test_all_problems_are_said_at_once() -> None:
    """One start tells everything that has to be mended."""
    found = problems(PORT="x", SHIM_DEMO="maybe", SHIM_THREADS="1", SHIM_NEW="1", PORTS="1")
    assert [problem.split()[0] for problem in found] == [
        "PORT",
        "SHIM_THREADS",
        "SHIM_DEMO",
        "SHIM_NEW",
    ]


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_the_distance_between_names_is_a_metric(a: str, b: str, c: str) -> None:
    """Zero only to itself, the same both ways, and no shorter by a detour."""
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@pytest.mark.parametrize(
    "command",
    [
        ("flask", "rollout", "status"),
        ("gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"),
    ],
    ids=["flask", "gunicorn"],
)
def test_a_bad_setting_ends_a_command_with_its_message_alone(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    """Every problem on its own line, an exit code, and no stack trace."""
    environ = {
        "PATH": "/usr/bin:/bin",
        "SHIM_INSTANCE": str(tmp_path),
        "PORT": "eighty",
        "DATABASE_URL": "nonsense",
        "SHIM_SHADDOW_QUEUE": "5",
    }
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "The settings cannot be used:",
        "DATABASE_URL is wrong: 'nonsense' is not a database URL: set DATABASE_URL to"
        " sqlite:///path/to/file.db or postgresql://user@host/name",
        "PORT is 'eighty': give a whole number from 1 to 65535",
        "SHIM_SHADDOW_QUEUE is not a setting: did you mean SHIM_SHADOW_QUEUE? Or unset it",
    ]
    assert done.stdout == ""


def test_the_digest_is_of_what_all_hosts_should_have_alike() -> None:
    """Not of what is a host's own, and never of a secret; of everything else."""
    here = Settings.from_environ({"SHIM_SECRET_KEY": SECRET, "SHIM_HOST_NAME": "a"})
    there = {"SHIM_HOST_NAME": "b", "PORT": "9000", "SHIM_INSTANCE": "elsewhere"}
    assert settings_digest(Settings.from_environ(there)) == settings_digest(here)
    other = Settings.from_environ({"SHIM_SWEEP_INTERVAL_S": "7"})
    assert settings_digest(other) != settings_digest(here)


def test_settings_that_differ_are_named_as_people_set_them() -> None:
    """By the names of the environment, with no value; what is no host's own is compared."""
    environ = {
        "SHIM_RAMP": "1,100",
        "SHIM_GUARD": "off",
        "SHIM_GUARD_WEBHOOK": "http://s3cret",
        "SHIM_DEMO": "1",
        "SHIM_FARMING_INTERVAL_S": "5",
        "UNLEASH_URL": "http://unleash",
        "UNLEASH_CLIENT_TOKEN": "default:development.s3cret-s3cret",
    }
    digests = (
        settings_digest(Settings.from_environ(environ)),
        settings_digest(Settings.from_environ({"SHIM_FARMING_INTERVAL_S": "7", "SHIM_DEMO": "1"})),
    )
    assert differing(*digests) == [
        *("SHIM_FARMING_INTERVAL_S", "SHIM_GUARD", "SHIM_RAMP", "UNLEASH_URL")
    ]
    assert differing(digests[0], digests[0]) == []
    assert OF_COMMANDS & {*differing(*digests)} == {"SHIM_GUARD", "SHIM_RAMP", "UNLEASH_URL"}
    assert settings_digest(Settings.from_environ({})) == ""


@pytest.mark.parametrize("name", ["", "two words", "-a", "a" * 101, "h\u00f6st"])
def test_a_name_that_no_host_may_have_is_refused(name: str) -> None:
    """It stands in file names, keys and sentences."""
    with pytest.raises(SettingsError, match="SHIM_HOST_NAME is"):
        Settings.from_environ({"SHIM_HOST_NAME": name})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SHIM_GUARD_ALPHA", "0", "give a number from 1e-06 to 0.5"),
        ("SHIM_GUARD_ALPHA", "1", "give a number from 1e-06 to 0.5"),
        ("SHIM_GUARD_ALPHA", "nan", "give a number from 1e-06 to 0.5"),
        ("SHIM_RAMP", "1,5,5,100", "does not grow"),
        ("SHIM_RAMP", "1,5,50", "its last step is 100"),
        ("SHIM_RAMP", "1;5;100", "give whole percentages"),
        ("SHIM_GUARD_COMPARISONS", "truth,lies", "holds 'lies'"),
        ("SHIM_GUARD_WEBHOOK_KEY", "s3cret", "has 6 characters: give at least 32"),
    ],
)
def test_a_guard_or_a_ramp_that_cannot_be_is_refused(name: str, value: str, said: str) -> None:
    """By name, with the value and what to give."""
    with pytest.raises(SettingsError, match=re.escape(said)) as refused:
        Settings.from_environ({name: value})
    assert name in str(refused.value)


@pytest.mark.parametrize(
    "url", ["ftp://secret.example", "https://:80", "secret", "http://a:b c/", "http://h:x/"]
)
def test_a_webhook_that_cannot_be_told_is_refused_without_being_repeated(url: str) -> None:
    """An address may hold a secret; nor does one that can be told stand in what is shown."""
    with pytest.raises(SettingsError, match="SHIM_GUARD_WEBHOOK is not an address") as refused:
        Settings.from_environ({"SHIM_GUARD_WEBHOOK": url})
    assert url not in str(refused.value)
    kept = Settings.from_environ({"SHIM_GUARD_WEBHOOK": "https://hook.example/s3cret"})
    assert kept.guard.webhook == "https://hook.example/s3cret"
    assert "s3cret" not in repr(kept)


def test_the_key_of_the_webhook_is_read_and_not_shown() -> None:
    """It signs notices, and stands in no log."""
    kept = Settings.from_environ({"SHIM_GUARD_WEBHOOK_KEY": SECRET})
    assert kept.guard.webhook_key == SECRET
    assert SECRET not in repr(kept)


def test_rules_for_tokens_that_differ_are_named_as_they_are_set() -> None:
    """Without the key, and without its being a setting of commands."""
    rules = {"SHIM_JWT_KEY": SECRET, "SHIM_JWT_AUDIENCE": "shim"}
    one, other = (settings_digest(Settings.from_environ(each)) for each in ({}, rules))
    assert differing(one, other) == ["SHIM_JWT_ALGORITHM", "SHIM_JWT_AUDIENCE", "SHIM_JWT_CLAIM"]
    assert SECRET not in other
    assert not OF_COMMANDS & {*differing(one, other)}


def test_addresses_of_servers_may_be_ipv6() -> None:
    """As they stand in addresses: in brackets."""
    settings = Settings.from_environ(
        {
            "DATABASE_URL": "postgresql://app@[::1]:5432/app",
            "NOTIFY_BUS_URL": "redis://[fd00::7]:6379/0",
            "SHIM_SECRET_KEY": SECRET,
            "UNLEASH_URL": "http://[::1]:4242",
            "UNLEASH_CLIENT_TOKEN": "default:development.s3cret-token",
        }
    )
    assert settings.database_url == "postgresql://app@[::1]:5432/app"
    assert settings.notify_bus_url == "redis://[fd00::7]:6379/0"
    assert settings.unleash_url == "http://[::1]:4242"
