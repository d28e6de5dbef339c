"""Finds the cases that somebody names, and runs them on the sides as they are in the code now."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.replayers import replayers
from flags.files import UnfitFileError, read_whole
from shim.log_files import DamagedLogError, blocks_of, packing_of
from shim.replay.case import Case, CaseError, decode, encode, migration_of
from shim.replay.finding import Finding, Replayed
from shim.replay.log import read_lines
from shim.replay.replayer import Replayer
from shim.replay.stand_in import with_stand_in
from shim.shadow.replays import FIRST, SAMPLED, ReplayStore

MOST_BYTES = 1024 * 1024 * 1024
"""Size of a file that is still read: a log is read whole."""
MOST_CASES = FIRST + SAMPLED
_FINGERPRINT = re.compile(r"[0-9a-f]{1,16}")
_WORST_FIRST = (
    Finding.STILL_DIVERGES,
    Finding.DIVERGES_OTHERWISE,
    Finding.NOT_COMPARED,
    Finding.NOT_SHOWN,
    Finding.NOT_DECIDABLE,
    Finding.NO_LONGER_DIVERGES,
)


@dataclass(frozen=True, slots=True)
class Run:
    """One case, and what running it found."""

    case: Case
    replayed: Replayed


@dataclass(frozen=True, slots=True)
class Runs:
    """All cases of one fingerprint: `shown` is the newest of those with the worst finding."""

    shown: Run
    findings: Counter[Finding]


def read_case(data: bytes | str, *, name: str) -> Case:
    """Read a case of any migration; `name` is what a message calls it. Raises CaseError."""
    return decode(data, _replayer(migration_of(data, name=name), name).form, name=name)


def run_case(case: Case) -> Replayed:
    """Run one case, on both sides as they are in the code. Raises CaseError."""
    return replayers()[case.migration].run(case)


def run_all(cases: Sequence[Case]) -> Runs:
    """Run the cases of one fingerprint. Raises CaseError."""
    runs = [Run(case, run_case(case)) for case in cases]
    findings = Counter(run.replayed.finding for run in runs)
    worst = next(finding for finding in _WORST_FIRST if findings[finding])
    shown = [run for run in runs if run.replayed.finding is worst][-1]
    return Runs(shown, findings)


def find_cases(target: str, *, store: ReplayStore, fingerprint: str = "") -> list[Case]:
    """Return the cases of one fingerprint, from a file or from what was kept, oldest first.

    Raises CaseError, or ReplayStoreError where the database cannot be read.
    """
    path = Path(target)
    if path.exists():
        return _from_file(path, fingerprint)
    if not _FINGERPRINT.fullmatch(target):
        raise CaseError(
            f"{target!r} is neither a file nor the beginning of a fingerprint, which is up to 16 of"
            " 0-9 and a-f: see 'flask shadow ledger'"
        )
    records = store.find(target)
    marks = sorted({record.fingerprint for record in records})
    if not marks:
        raise CaseError(
            f"nothing is kept of a fingerprint that begins with {target!r}: it is none, or too"
            " old; name a log file that has it"
        )
    _refuse_several(marks, f"{target!r} is the beginning of several fingerprints")
    return [read_case(record.text, name=f"record {record.id}") for record in records[-MOST_CASES:]]


def save(run: Run, target: str | Path) -> Path:
    """Write a case as a test, with a stand-in for its user; return where. Raises CaseError.

    `target` is a folder, or a file that does not exist; what ends with a slash is a folder.
    """
    case = run.case
    anonymous = with_stand_in(case, run.replayed.results, replayers()[case.migration])
    path = Path(target)
    folder = path if str(target).endswith("/") or path.is_dir() else path.parent
    if not folder.is_dir():
        raise CaseError(f"not saved: there is no folder {folder}; make it, or name another")
    if folder == path:
        path = folder / f"{case.comparison}-{case.fingerprint}.json"
    try:
        with path.open("xb") as file:
            file.write(encode(anonymous) + b"\n")
    except FileExistsError as error:
        raise CaseError(f"{path} exists: remove it first, or name another file") from error
    except OSError as error:
        raise CaseError(f"{path} cannot be written ({error.strerror}): name another") from error
    return path


def _from_file(path: Path, fingerprint: str) -> list[Case]:
    data = _read(path)
    if re.match(rb"\s*\{\s*\"replay\"", data):
        return [read_case(data, name=str(path))]
    lines = read_lines(data)
    if not lines:
        raise CaseError(
            f"{path} is neither a case, which --save writes, nor a shadow log with a divergence"
            " of this version in it"
        )
    lines = [line for line in lines if line.fingerprint.startswith(fingerprint)]
    marks = sorted({line.fingerprint for line in lines})
    if not marks:
        raise CaseError(f"{path} has no divergence whose fingerprint begins with {fingerprint!r}")
    _refuse_several(marks, f"{path} has several fingerprints, choose by --fingerprint")
    name = f"a line of {path}"
    return [_replayer(each.migration, name).case_of_line(each) for each in lines[:MOST_CASES]]


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise CaseError(f"{path} is a folder: name a file in it")
    try:
        data = _unpacked(path)
    except OSError as error:
        raise CaseError(
            f"{path} cannot be read ({error.strerror}): name a file that can"
        ) from error
    if not data.strip():
        raise CaseError(f"{path} is empty: name a case, or a shadow log")
    return data


def _unpacked(path: Path) -> bytes:
    """Return what a file holds, unpacked if it is packed. Raises OSError."""
    packing = packing_of(path)
    if packing is None:
        return read_whole(path, most=MOST_BYTES)
    data = b""
    try:
        for block in blocks_of(path, packing, size=MOST_BYTES + 1):
            data += block
            if len(data) > MOST_BYTES:
                raise UnfitFileError(path, f"it unpacks to more than {MOST_BYTES:,} bytes")
    except DamagedLogError as error:
        raise UnfitFileError(path, f"it {error}") from error
    return data


def _refuse_several(marks: Sequence[str], problem: str) -> None:
    if len(marks) > 1:
        named = ", ".join(marks[:10]) + (", …" if len(marks) > 10 else "")
        raise CaseError(f"{problem}: {named}")


def _replayer(migration: str, name: str) -> Replayer[Any]:
    found = replayers().get(migration)
    if found is None:
        raise CaseError(
            f"{name} is of the migration {migration[:50]!r}, which is none here: there are"
            f" {', '.join(replayers())}"
        )
    return found
