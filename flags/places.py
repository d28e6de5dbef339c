"""Where a process runs, and whether it still does: a pid means something in one namespace only."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from flags.files import read_start

START_TOLERANCE_S = 1.0
"""How far apart two readings of one process's start may lie; the system derives it."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True, slots=True)
class Place:
    """A host, the start of its system, and a pid namespace; the last is empty if unknown."""

    host: str
    boot: str = ""
    namespace: str = ""


def this_place(host: str) -> Place:
    """Return where this process runs; `host` is what this host is called."""
    if sys.platform != "linux":
        return Place(host, namespace=sys.platform)  # all processes are in one namespace there
    try:
        boot = read_start(_BOOT_ID, most=64).decode(errors="replace").strip()
        return Place(host, boot, str(_NAMESPACE.readlink()))
    except OSError:
        return Place(host)


def booted_at() -> float:
    """Return the unix time in seconds at which this system started, by its clock of now."""
    return float(psutil.boot_time())


def process_start(pid: int) -> float:
    """Return when a process started, in seconds since its system did; 0 if it cannot be seen.

    A clock that is set does not change it.
    """
    try:
        return _start(psutil.Process(pid))
    except (psutil.Error, OSError):
        return 0.0


def has_ended(pid: int, started: float) -> bool:
    """Tell whether the process of this namespace that started then has certainly ended.

    `started` is as of `process_start`, 0 if unknown. What is there and cannot be looked at, as
    under /proc with hidepid, has not certainly ended.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass  # it is another user's
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return started > 0 and abs(_start(process) - started) > START_TOLERANCE_S
    except (psutil.Error, OSError):
        return False


def _start(process: psutil.Process) -> float:
    return float(process.create_time()) - booted_at()
