"""Builds the shadow log of a worker: one file, and standard output, whatever it compares."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import psutil

from app.adapters.detached import Detached
from app.adapters.worker_log import WorkerLog
from app.settings import Settings
from app.terminal import clean
from shim.shadow.publisher import Publisher


@dataclass(frozen=True, slots=True)
class ShadowLog:
    """The one log of a worker, which all migrations share."""

    publisher: Publisher
    printed: Detached

    def start(self) -> None:
        """Start to write."""
        self.publisher.start()

    def stop(self) -> None:
        """Write what is left."""
        self.publisher.stop()
        self.printed.close()


def build_shadow_log(settings: Settings) -> ShadowLog:
    """Build it; nothing is started."""
    printed = Detached(_standard_output)
    log = WorkerLog(settings.log_path, settings.log_retention, host=settings.host_name)
    publisher = Publisher(
        [log, printed],
        utc_now=lambda: datetime.now(UTC),
        common=partial(_worker, settings.host_name),
    )
    return ShadowLog(publisher, printed)


def writer_of(migration: str, *, host: str) -> str:
    """Name what writes the ledger of a migration in this process as nothing else is named."""
    worker = _worker(host)
    return f"{host[:100]}:{worker['worker']}:{worker['started']}:{migration}"


def _standard_output(data: bytes) -> None:
    """Write past Python's own buffer, whose lock a blocked write would hold at the exit."""
    data = clean(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    while data:
        data = data[os.write(1, data) :]


def _worker(host: str) -> dict[str, object]:
    """Say which process writes. Asked once it runs: a fork has another pid."""
    return {
        "host": host,
        "worker": os.getpid(),
        "started": round(psutil.Process().create_time(), 2),
    }
