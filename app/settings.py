"""Every setting: read once from the environment, checked, and refused by name if unknown."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from app import settings_checks
from app.adapters.worker_log import MEGABYTE, Retention
from app.environment import Environment
from app.instance_paths import InstancePaths
from app.settings_admission import TokenRules, admission_settings
from app.settings_guard import GuardSettings, guard_settings

PREFIX = "SHIM_"
EXCEPTIONS = (
    "DATABASE_URL",
    "NOTIFY_BUS_URL",
    "UNLEASH_URL",
    "UNLEASH_CLIENT_TOKEN",
    "UNLEASH_ADMIN_TOKEN",
    "PORT",
    "LEGACY_VECTORS",
)
"""Settings without the prefix. Any other name without it is none of our business."""


class SettingsError(Exception):
    """The environment cannot be used: one line for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Settings(InstancePaths):
    """What can be set. Times are in the unit that the name ends with."""

    database_url: str = field(repr=False)
    host_name: str = field(default_factory=socket.gethostname)
    """What this host is called among those that share a database or a bus."""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 64
    demo: bool = False
    schedulers: bool = True
    farming_interval_s: float = 300.0
    boost_interval_s: float = 300.0
    shadow_queue: int = 10_000
    shadow_deadline_ms: int = 1000
    shadow_cpu_percent: float = 5.0
    shadow_noise_percent: int = 10
    """Share of the users for whom legacy is compared with itself as well."""
    log_first_lines: int = 10
    log_user_ids: str = "hash"
    log_file_mb: int = 64
    log_total_mb: int = 1024
    log_days: int = 14
    replay_days: int = 14
    ledger_days: int = 90
    notify_bus_url: str | None = field(default=None, repr=False)
    """The Redis between workers; None: no worker hears of what another one booked."""
    secret_key: str | None = field(default=None, repr=False)
    """Signs sessions and what is on the bus; None: a key of the instance folder."""
    sweep_interval_s: float = 5.0
    unleash_url: str | None = None
    """The flag server, without a path; None: the flags are in a file of ours."""
    unleash_client_token: str | None = field(default=None, repr=False)
    unleash_admin_token: str | None = field(default=None, repr=False)
    hook_token: str | None = field(default=None, repr=False)
    """Lets the flag server's webhook in; None: one that follows from the signing key."""
    admission: str = "enforce"
    origins: tuple[str, ...] = ()
    """Where pages may come from; empty: from where this service itself is reached."""
    bot_token: str | None = field(default=None, repr=False)
    bot_id: int | None = None
    """The bot whose app this is, where its token is not given."""
    token_rules: TokenRules | None = None
    """By which production's tokens are checked; None: no token proves anything."""
    init_data_age_s: int = 86_400
    max_connections: int = 20_000
    max_user_connections: int = 16
    max_message_bytes: int = 64 * 1024
    message_rate: float = 5.0
    message_burst: int = 50
    frame_distance_ms: int = 1000
    """Pause between two balance frames to a page, in which it has read the balance by HTTP."""
    bulk_spread_ms: int = 5000
    """The longest time that frames wait where many pages get one at once."""
    guard: GuardSettings = field(default_factory=GuardSettings)

    @property
    def shared_database(self) -> bool:
        """Whether other hosts may use the same database: one in a file is this host's alone."""
        return not self.database_url.startswith("sqlite")

    @property
    def log_retention(self) -> Retention:
        """When a file of the shadow log is closed, and when it is removed."""
        return Retention(self.log_file_mb * MEGABYTE, self.log_total_mb * MEGABYTE, self.log_days)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read and check all settings. Raises SettingsError with every problem at once."""
        settings, problems = cls.read(environ)
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> tuple["Settings", tuple[str, ...]]:
        """Return the settings, with the default for what is wrong, and a line for each problem.

        A line begins with the setting's name. For a command that must not fail because of a
        setting that it does not need; whatever else starts uses `from_environ`.
        """
        env = Environment(os.environ if environ is None else environ)
        values = {
            **_process(env),
            **_rewards(env),
            **_shadow(env),
            **_log(env),
            **_workers(env),
            **_unleash(env),
            **admission_settings(env),
            **_bounds(env),
            "guard": guard_settings(env),
        }
        env.refuse_unknown(prefix=PREFIX)
        return cls(**values), tuple(env.problems)


def _process(env: Environment) -> dict[str, Any]:
    """Read where this service keeps things, and where it is reached."""
    instance = env.folder("SHIM_INSTANCE", Path("instance"))
    database = partial(settings_checks.database_url, instance_path=instance)
    return {
        "instance_path": instance,
        "database_url": env.checked("DATABASE_URL", database) or "sqlite:///app.db",
        "host_name": env.checked("SHIM_HOST_NAME", settings_checks.host_name)
        or socket.gethostname(),
        "host": env.checked("SHIM_HOST", settings_checks.listening_host) or "127.0.0.1",
        "port": env.number("PORT", 8000, int, least=1, most=65535),
        "workers": env.number("SHIM_WORKERS", 1, int, least=1, most=64),
        "threads": env.number("SHIM_THREADS", 64, int, least=2, most=1000),
        "demo": env.choice("SHIM_DEMO", "0", ("0", "1")) == "1",
    }


def _rewards(env: Environment) -> dict[str, Any]:
    """Read who books rewards by the clock, and how often."""
    day = 86_400
    return {
        "schedulers": env.choice("SHIM_SCHEDULERS", "on", ("on", "off")) == "on",
        "farming_interval_s": env.number(
            "SHIM_FARMING_INTERVAL_S", 300.0, float, least=0.1, most=day
        ),
        "boost_interval_s": env.number("SHIM_BOOST_INTERVAL_S", 300.0, float, least=0.1, most=day),
    }


def _shadow(env: Environment) -> dict[str, Any]:
    """Read what shadows may take of this worker."""
    return {
        "shadow_queue": env.number("SHIM_SHADOW_QUEUE", 10_000, int, least=1, most=1_000_000),
        "shadow_deadline_ms": env.number(
            "SHIM_SHADOW_DEADLINE_MS", 1000, int, least=10, most=60_000
        ),
        "shadow_cpu_percent": env.number(
            "SHIM_SHADOW_CPU_PERCENT", 5.0, float, least=0.1, most=100
        ),
        "shadow_noise_percent": env.number("SHIM_SHADOW_NOISE_PERCENT", 10, int, least=0, most=100),
    }


def _log(env: Environment) -> dict[str, Any]:
    """Read what the shadow log says, and how long all that shadows find is kept."""
    return {
        "log_first_lines": env.number("SHIM_LOG_FIRST_LINES", 10, int, least=1, most=1_000_000),
        "log_user_ids": env.choice("SHIM_LOG_USER_IDS", "hash", ("hash", "plain")),
        "log_file_mb": env.number("SHIM_LOG_FILE_MB", 64, int, least=1, most=10_000),
        "log_total_mb": env.number("SHIM_LOG_TOTAL_MB", 1024, int, least=2, most=1_000_000),
        "log_days": env.number("SHIM_LOG_DAYS", 14, int, least=1, most=3650),
        "replay_days": env.number("SHIM_REPLAY_DAYS", 14, int, least=1, most=3650),
        "ledger_days": env.number("SHIM_LEDGER_DAYS", 90, int, least=1, most=3650),
    }


def _workers(env: Environment) -> dict[str, Any]:
    """Read how workers hear of each other, and what is done about what they missed."""
    if "NOTIFY_BUS_URL" in env and "SHIM_SECRET_KEY" not in env:
        env.problems.append(
            "NOTIFY_BUS_URL is set and SHIM_SECRET_KEY is not: give every worker of every host"
            " the same one, for what is on the bus is signed with it"
        )
    bus, key = (
        env.checked("NOTIFY_BUS_URL", settings_checks.bus_url),
        env.checked("SHIM_SECRET_KEY", settings_checks.secret_key),
    )
    return {
        "notify_bus_url": None if key is None else bus,
        "secret_key": key,
        "sweep_interval_s": env.number("SHIM_SWEEP_INTERVAL_S", 5.0, float, least=0.1, most=3600),
    }


def _unleash(env: Environment) -> dict[str, Any]:
    """Read where the flags are turned, unless they are in a file of ours."""
    for name in ("UNLEASH_CLIENT_TOKEN", "UNLEASH_ADMIN_TOKEN", "SHIM_HOOK_TOKEN"):
        if name in env and "UNLEASH_URL" not in env:
            env.problems.append(f"{name} is set and UNLEASH_URL is not: set it, too, or unset both")
    if "UNLEASH_URL" in env and "UNLEASH_CLIENT_TOKEN" not in env:
        env.problems.append(
            "UNLEASH_URL is set and UNLEASH_CLIENT_TOKEN is not: make a client token (backend) in"
            " Unleash, under API access, and give it"
        )
    url = env.checked("UNLEASH_URL", settings_checks.unleash_url)
    token = env.checked("UNLEASH_CLIENT_TOKEN", settings_checks.unleash_client_token)
    return {
        "unleash_url": None if token is None else url,
        "unleash_client_token": token,
        "unleash_admin_token": env.checked(
            "UNLEASH_ADMIN_TOKEN", settings_checks.unleash_admin_token
        ),
        "hook_token": env.checked("SHIM_HOOK_TOKEN", settings_checks.secret_key),
    }


def _bounds(env: Environment) -> dict[str, Any]:
    """Read how much browsers may ask of this worker."""
    return {
        "max_connections": env.number("SHIM_MAX_CONNECTIONS", 20_000, int, least=1, most=1_000_000),
        "max_user_connections": env.number(
            "SHIM_MAX_USER_CONNECTIONS", 16, int, least=1, most=10_000
        ),
        "max_message_bytes": env.number(
            "SHIM_MAX_MESSAGE_BYTES", 64 * 1024, int, least=1024, most=16_777_216
        ),
        "message_rate": env.number("SHIM_MESSAGE_RATE", 5.0, float, least=0.1, most=10_000),
        "message_burst": env.number("SHIM_MESSAGE_BURST", 50, int, least=5, most=100_000),
        "frame_distance_ms": env.number("SHIM_FRAME_DISTANCE_MS", 1000, int, least=0, most=60_000),
        "bulk_spread_ms": env.number("SHIM_BULK_SPREAD_MS", 5000, int, least=0, most=120_000),
    }
