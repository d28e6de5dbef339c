"""Every setting: read once from the environment, checked, and refused by name if unknown."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from app import settings_checks
from app.adapters.worker_log import MEGABYTE, Retention
from app.engines import parse_url
from app.errors import DatabaseUnavailable

T = TypeVar("T")

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
"""Settings without the prefix; a name within two letters of one is taken for a misspelling."""
_NOT_YET = ("UNLEASH_URL", "UNLEASH_CLIENT_TOKEN", "UNLEASH_ADMIN_TOKEN")


class SettingsError(Exception):
    """The environment cannot be used: one line for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set. Times are in the unit that the name ends with."""

    instance_path: Path
    database_url: str = field(repr=False)
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
    log_first_lines: int = 10
    log_user_ids: str = "hash"
    log_file_mb: int = 64
    log_total_mb: int = 1024
    log_days: int = 14
    notify_bus_url: str | None = field(default=None, repr=False)
    """The Redis between workers; None: no worker hears of what another one booked."""
    secret_key: str | None = field(default=None, repr=False)
    """Signs sessions and what is on the bus; None: a key of the instance folder."""
    sweep_interval_s: float = 5.0
    admission: str = "enforce"
    origins: tuple[str, ...] = ()
    """Where pages may come from; empty: from where this service itself is reached."""
    bot_token: str | None = field(default=None, repr=False)
    init_data_age_s: int = 86_400
    max_connections: int = 20_000
    max_user_connections: int = 16
    max_message_bytes: int = 64 * 1024
    message_rate: float = 5.0
    message_burst: int = 50

    @property
    def flag_file(self) -> Path:
        """The flags, in Unleash's client-features format."""
        return self.instance_path / "flags.json"

    @property
    def latch_file(self) -> Path:
        """The kill switch."""
        return self.instance_path / "latch.json"

    @property
    def history_file(self) -> Path:
        """The audit trail."""
        return self.instance_path / "history.jsonl"

    @property
    def known_file(self) -> Path:
        """The known divergences that were accepted."""
        return self.instance_path / "known.json"

    @property
    def run_path(self) -> Path:
        """The folder of the workers' files."""
        return self.instance_path / "run"

    @property
    def log_path(self) -> Path:
        """The folder of the shadow log's files, one for each worker."""
        return self.instance_path / "log"

    @property
    def log_retention(self) -> Retention:
        """When a file of the shadow log is closed, and when it is removed."""
        return Retention(self.log_file_mb * MEGABYTE, self.log_total_mb * MEGABYTE, self.log_days)

    @property
    def key_file(self) -> Path:
        """The key under which user ids are hashed in the log."""
        return self.instance_path / "log.key"

    @property
    def secret_file(self) -> Path:
        """The key that stands in for `secret_key` where none is set."""
        return self.instance_path / "secret.key"

    @property
    def scheduler_lock(self) -> Path:
        """Held by the one worker of the host that runs the schedulers."""
        return self.instance_path / "schedulers.lock"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read and check all settings. Raises SettingsError with every problem at once."""
        return _Reader(os.environ if environ is None else environ).settings()


class _Reader:
    """Reads names from an environment and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known = set(EXCEPTIONS)
        self._problems: list[str] = []

    def settings(self) -> Settings:
        """Return the settings. Raises SettingsError."""
        instance = self._folder("SHIM_INSTANCE", Path("instance"))
        settings = Settings(
            instance_path=instance,
            database_url=self._database("DATABASE_URL", "sqlite:///app.db", instance),
            host=self._text("SHIM_HOST", "127.0.0.1"),
            port=self._number("PORT", 8000, int, least=1, most=65535),
            workers=self._number("SHIM_WORKERS", 1, int, least=1, most=64),
            threads=self._number("SHIM_THREADS", 64, int, least=2, most=1000),
            demo=self._choice("SHIM_DEMO", "0", ("0", "1")) == "1",
            schedulers=self._choice("SHIM_SCHEDULERS", "on", ("on", "off")) == "on",
            farming_interval_s=self._number(
                "SHIM_FARMING_INTERVAL_S", 300.0, float, least=0.1, most=86_400
            ),
            boost_interval_s=self._number(
                "SHIM_BOOST_INTERVAL_S", 300.0, float, least=0.1, most=86_400
            ),
            shadow_queue=self._number("SHIM_SHADOW_QUEUE", 10_000, int, least=1, most=1_000_000),
            shadow_deadline_ms=self._number(
                "SHIM_SHADOW_DEADLINE_MS", 1000, int, least=10, most=60_000
            ),
            shadow_cpu_percent=self._number(
                "SHIM_SHADOW_CPU_PERCENT", 5.0, float, least=0.1, most=100
            ),
            log_first_lines=self._number("SHIM_LOG_FIRST_LINES", 10, int, least=1, most=1_000_000),
            log_user_ids=self._choice("SHIM_LOG_USER_IDS", "hash", ("hash", "plain")),
            log_file_mb=self._number("SHIM_LOG_FILE_MB", 64, int, least=1, most=10_000),
            log_total_mb=self._number("SHIM_LOG_TOTAL_MB", 1024, int, least=2, most=1_000_000),
            log_days=self._number("SHIM_LOG_DAYS", 14, int, least=1, most=3650),
            notify_bus_url=self._checked("NOTIFY_BUS_URL", settings_checks.bus_url),
            secret_key=self._checked("SHIM_SECRET_KEY", settings_checks.secret_key),
            sweep_interval_s=self._number(
                "SHIM_SWEEP_INTERVAL_S", 5.0, float, least=0.1, most=3600
            ),
            admission=self._choice("SHIM_ADMISSION", "enforce", ("off", "report-only", "enforce")),
            origins=self._checked("SHIM_ORIGINS", settings_checks.origins) or (),
            bot_token=self._checked("SHIM_BOT_TOKEN", settings_checks.bot_token),
            init_data_age_s=self._number(
                "SHIM_INIT_DATA_AGE_S", 86_400, int, least=60, most=2_592_000
            ),
            max_connections=self._number(
                "SHIM_MAX_CONNECTIONS", 20_000, int, least=1, most=1_000_000
            ),
            max_user_connections=self._number(
                "SHIM_MAX_USER_CONNECTIONS", 16, int, least=1, most=10_000
            ),
            max_message_bytes=self._number(
                "SHIM_MAX_MESSAGE_BYTES", 64 * 1024, int, least=1024, most=16_777_216
            ),
            message_rate=self._number("SHIM_MESSAGE_RATE", 5.0, float, least=0.1, most=10_000),
            message_burst=self._number("SHIM_MESSAGE_BURST", 50, int, least=5, most=100_000),
        )
        self._refuse_unknown()
        self._refuse_unsigned_bus()
        if self._problems:
            raise SettingsError("\n".join(self._problems))
        return settings

    def _text(self, name: str, default: str) -> str:
        self._known.add(name)
        value = self._environ.get(name)
        if value is not None and not value.strip():
            self._problems.append(f"{name} is empty: give a value, or unset it")
            return default
        return value if value is not None else default

    def _checked(self, name: str, check: Callable[[str], T]) -> T | None:
        """Return what the check makes of the text, None where nothing is set."""
        try:
            text = self._text(name, "")
            return check(text) if text else None
        except ValueError as error:
            self._problems.append(f"{name} {error}")
            return None

    def _folder(self, name: str, default: Path) -> Path:
        path = Path(self._text(name, str(default))).absolute()
        try:
            present = next(folder for folder in (path, *path.parents) if folder.exists())
        except OSError as error:  # a name that is too long, a folder that may not be looked into
            self._problems.append(f"{name} is {str(path)!r}: {error.strerror}; name another folder")
            return path
        if not present.is_dir():
            self._problems.append(f"{name} is {str(path)!r}: {present} is a file; name a folder")
        elif present != path and not os.access(present, os.W_OK | os.X_OK):
            self._problems.append(
                f"{name} is {str(path)!r}: it cannot be made in {present}; name a folder that"
                " exists or can be made"
            )
        return path

    def _database(self, name: str, default: str, instance: Path) -> str:
        url = self._text(name, default)
        try:
            parse_url(url, instance_path=instance)
        except DatabaseUnavailable as error:
            self._problems.append(f"{name} is wrong: {error}")
        return url

    def _choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self._text(name, default)
        if value not in choices:
            self._problems.append(f"{name} is {value!r}: give one of {', '.join(choices)}")
        return value

    def _number(
        self, name: str, default: T, read: Callable[[str], T], *, least: float, most: float
    ) -> T:
        text = self._text(name, str(default))
        try:
            value = read(text)
            if least <= value <= most:  # type: ignore[operator]
                return value
        except ValueError:
            pass
        kind = "a whole number" if read is int else "a number"
        self._problems.append(f"{name} is {text!r}: give {kind} from {least:.10g} to {most:.10g}")
        return default

    def _refuse_unsigned_bus(self) -> None:
        if "NOTIFY_BUS_URL" in self._environ and "SHIM_SECRET_KEY" not in self._environ:
            self._problems.append(
                "NOTIFY_BUS_URL is set and SHIM_SECRET_KEY is not: give every worker of every"
                " host the same one, for what is on the bus is signed with it"
            )

    def _refuse_unknown(self) -> None:
        for name in sorted(self._environ):
            if name in _NOT_YET:
                self._problems.append(
                    f"{name} is set, but there is nothing behind it yet: unset it"
                )
            elif name in self._known:
                continue
            elif name.startswith(PREFIX):
                near = min(self._known, key=lambda known: distance(known, name))
                self._problems.append(f"{name} is not a setting: did you mean {near}? Or unset it")
            else:
                self._problems += [
                    f"{name} is not a setting, and looks like {known}: rename it, or unset it"
                    for known in EXCEPTIONS
                    if distance(known, name) <= 2
                ]


def distance(left: str, right: str) -> int:
    """Return how many letters must be added, removed or replaced to get from one to the other."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]
