"""Where accepted known divergences are kept: named as a protocol, with a form in a file."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from flags.files import locked, read_whole, replace_file
from shim.shadow.known import KnownDivergence, KnownDivergenceError, check_new

SETTLED_NS = 100_000_000
"""Age after which a file's time stamp can be trusted to tell a further change apart."""
MOST = 100
"""Known divergences that may be kept: whoever needs more has another problem."""

_log = structlog.get_logger("shim")


class KnownStoreError(Exception):
    """What is known cannot be read or written: the message says why and what to do."""


class KnownStore(Protocol):
    """Keeps known divergences; every process sees a change within a moment."""

    @property
    def known(self) -> tuple[KnownDivergence, ...]:
        """What was known at the last `poll` that could read it, expired ones included."""

    @property
    def accepted(self) -> tuple[KnownDivergence, ...]:
        """Those of `known` that were accepted, whose rules excuse what they match.

        Which divergences are one that comes with the project, its binding says.
        """

    @property
    def problem(self) -> str | None:
        """Why what is kept now is not in use, None when it is."""

    def poll(self) -> bool:
        """Look for a change. Return whether `known` changed. Never raises."""

    def read(self) -> tuple[KnownDivergence, ...]:
        """Return what is kept now. Raises KnownStoreError."""

    def accept(self, new: KnownDivergence, *, now: datetime) -> None:
        """Keep one more. Raises KnownDivergenceError, KnownStoreError."""

    def end(self, id_: str) -> KnownDivergence:
        """Forget one and return it. Raises KnownDivergenceError, KnownStoreError."""


class _Body(msgspec.Struct, frozen=True):
    """What is in the file."""

    known: tuple[KnownDivergence, ...]
    version: int = 1


class KnownFile:
    """A file, replaced by rename. One that cannot be read changes nothing: the last good stays.

    `shipped` are those that come with the project: listed first, never in the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        shipped: tuple[KnownDivergence, ...] = (),
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path = path
        self._shipped = shipped
        self._now_ns = now_ns
        self._known = shipped
        self._problem: str | None = None
        self._signature: tuple[int, int, int] | None = None

    @property
    def known(self) -> tuple[KnownDivergence, ...]:
        """The last good ones, the shipped ones first."""
        return self._known

    @property
    def accepted(self) -> tuple[KnownDivergence, ...]:
        """The last good ones of the file."""
        return self._known[len(self._shipped) :]

    @property
    def problem(self) -> str | None:
        """Why the file as it is now is not in use."""
        return self._problem

    def poll(self) -> bool:
        """Load the file if it changed. Return whether `known` changed. Never raises."""
        try:
            if not self._has_changed():
                return False
            known = self.read()
        except (OSError, KnownStoreError) as error:
            self._signature = None  # looked at again: what mends it need not change the file
            self._report(str(error))
            return False
        self._problem = None
        changed, self._known = known != self._known, known
        return changed

    def read(self) -> tuple[KnownDivergence, ...]:
        """Return the shipped ones and the file's. Raises KnownStoreError."""
        return (*self._shipped, *self._read_file())

    def accept(self, new: KnownDivergence, *, now: datetime) -> None:
        """Add one to the file. Raises KnownDivergenceError, KnownStoreError."""
        with _named_errors(self._path), locked(self._path):
            kept = self._read_file()
            check_new(new, (*self._shipped, *kept), now=now)
            if len(kept) >= MOST:
                raise KnownDivergenceError(
                    f"{MOST} divergences are known already, and no more can be kept: end some"
                )
            self._write((*kept, new))

    def end(self, id_: str) -> KnownDivergence:
        """Take one out of the file. Raises KnownDivergenceError, KnownStoreError."""
        if any(each.id == id_ for each in self._shipped):
            raise KnownDivergenceError(
                f"{id_} comes with the project and ends with the migration: it cannot be ended"
            )
        with _named_errors(self._path), locked(self._path):
            kept = self._read_file()
            ended = next((each for each in kept if each.id == id_), None)
            if ended is None:
                ids = ", ".join(each.id for each in kept) or "none is accepted"
                raise KnownDivergenceError(f"there is no known divergence {id_!r}: {ids}")
            self._write(tuple(each for each in kept if each is not ended))
            return ended

    def _read_file(self) -> tuple[KnownDivergence, ...]:
        try:
            known = msgspec.json.decode(read_whole(self._path), type=_Body).known
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise KnownStoreError(
                f"the known divergences in {self._path} cannot be used: {error}; put the file"
                " right, or delete it, and accept them anew"
            ) from error
        ids = [each.id for each in (*self._shipped, *known)]
        if twice := {each for each in ids if ids.count(each) > 1}:
            raise KnownStoreError(
                f"{self._path} has {', '.join(sorted(twice))} twice: delete the one that is wrong"
            )
        return known

    def _write(self, known: tuple[KnownDivergence, ...]) -> None:
        body = msgspec.json.encode(_Body(known))
        replace_file(self._path, msgspec.json.format(body, indent=2).decode() + "\n")

    def _has_changed(self) -> bool:
        """Tell by the file's status; one written a moment ago is read again, to be sure."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            signature = (0, 0, 0)
        else:
            signature = (status.st_mtime_ns, status.st_ino, status.st_size)
        if signature == self._signature:
            return False
        settled = self._now_ns() - signature[0] > SETTLED_NS
        self._signature = signature if settled else None
        return True

    def _report(self, problem: str) -> None:
        """Say it once for as long as it lasts."""
        if problem != self._problem:
            self._problem = problem
            _log.error("known_divergences_unusable", problem=problem)


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KnownStoreError(
            f"the known divergences in {path} cannot be written: {error}; look at the folder's"
            " permissions and free space"
        ) from error
