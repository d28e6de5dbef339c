"""`flask shadow`: the log as it grows, and as a whole."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.app.conftest import Build, until
from tests.app.test_report import counts, divergence, numbers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def log(settings: Settings) -> Path:
    """Return where the shadow log of this instance lies; its folder is there."""
    settings.log_file.parent.mkdir()
    return settings.log_file


def write(path: Path, *lines: dict[str, Any] | bytes) -> Path:
    """Write a log."""
    whole = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(line + b"\n" for line in whole))
    return path


def shown(**changes: Any) -> dict[str, Any]:
    """Return a divergence with the fields that only the eye needs."""
    return divergence(user="a1b2", serving="legacy", **changes)


def test_the_report_shows_every_number_and_verdict(build: Build, log: Path) -> None:
    """What was routed, sampled, dropped and left out stands beside each verdict."""
    comparisons = {
        "reach": numbers(4, known=6),
        "truth": numbers(9, mismatched=1),
        "saying": numbers(1, raced=9),
    }
    write(log, counts(comparisons=comparisons), divergence(known="the-fault"), b"{cut")
    result = build().run("shadow", "report")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "3 lines of 1 workers, 1 damaged",
        "routed canonical 1, invalid_user_id 1, legacy 5",
        "sampled 7 calls in 5 episodes, 1 closed by force; dropped none; stale legacy frames 2",
        "",
        "comparison verdict       compared   matched   known  diverged  not compared",
        "reach      pass                10         4       6         0  none",
        "truth      fail                10         9       0         1  none",
        "saying     inconclusive         1         1       0         0  raced 9",
        "",
        "divergences, most frequent first:",
        "  f1      1 x reach known as the-fault, 2026-01-01T00:00:00+00:00 to"
        " 2026-01-01T00:00:00+00:00: balance.uni value, recipients missing",
        "",
        "known divergences, none of which counts as one:",
        "  legacy-reaches-nobody (reach recipients.* extra), the migration, until the end of the"
        " migration, meant to stay: the service that is asked to notify holds no connection: what"
        " is being repaired",
    ]


def test_the_report_of_an_empty_log_is_no_pass(build: Build, log: Path) -> None:
    """Nothing ran, and it says so three times."""
    write(log)
    output = build().run("shadow", "report").output
    assert output.count("not running") == 3
    assert "routed nothing" in output
    assert "pass" not in output


def test_the_report_as_json_is_one_object(build: Build, log: Path) -> None:
    """For programs: the same numbers."""
    write(log, counts())
    told = json.loads(build().run("shadow", "report", "--json").output)
    assert told["comparisons"]["reach"]["verdict"] == "pass"
    assert (told["lines"], told["damaged"], told["workers"]) == (1, 0, 1)


def test_the_report_reads_the_logs_that_are_named(build: Build, tmp_path: Path) -> None:
    """Logs of other hosts are added; this instance's own need not be there."""
    first = write(tmp_path / "first", counts(1))
    second = write(tmp_path / "second", counts(2))
    result = build().run("shadow", "report", "--json", str(first), str(second))
    assert json.loads(result.output)["calls"] == 14


@pytest.mark.parametrize("command", ["tail", "report"])
def test_a_missing_log_is_said(command: str, build: Build, settings: Settings) -> None:
    """No stack trace: which file, and what to do."""
    result = build().run("shadow", command)
    assert result.exit_code == 1
    assert result.output == (
        f"Error: there is no shadow log at {settings.log_file}: start the service, or name a log"
        " file\n"
    )


@pytest.mark.parametrize("command", ["tail", "report"])
def test_a_log_that_cannot_be_read_is_said(command: str, build: Build, log: Path) -> None:
    """A folder in its place is named, with what the system says of it."""
    log.mkdir()
    result = build().run("shadow", command)
    assert result.exit_code == 1
    assert result.output == (
        f"Error: the shadow log {log} cannot be read (Is a directory): name a file that can\n"
    )


def test_a_named_log_that_is_missing_is_a_usage_error(build: Build, tmp_path: Path) -> None:
    """Exit code 2, as for every argument that cannot be."""
    result = build().run("shadow", "report", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_tail_shows_the_last_lines_in_words(build: Build, log: Path) -> None:
    """A divergence is a sentence; other lines show all their fields."""
    write(log, counts(), shown(), shown(known="the-fault"), {"event": "shadow_stuck", "at": "now"})
    result = build().run("shadow", "tail", "--lines", "3")
    found = "recipients missing: ['a'] is [], balance.uni value: 1.5 is 2 [f1]"
    assert result.output.splitlines() == [
        f"2026-01-01T00:00:00Z divergence reach user a1b2 served by legacy: {found}",
        "2026-01-01T00:00:00Z divergence reach (known: the-fault) user a1b2 served by legacy:"
        f" {found}",
        "now shadow_stuck {}",
    ]


def test_tail_shows_ten_lines_unless_asked_for_others(build: Build, log: Path) -> None:
    """None, some or more than there are."""
    write(log, *[counts(second=second) for second in range(12)])
    built = build()
    assert len(built.run("shadow", "tail").output.splitlines()) == 10
    assert built.run("shadow", "tail", "--lines", "0").output == ""
    assert len(built.run("shadow", "tail", "--lines", "100").output.splitlines()) == 12
    assert built.run("shadow", "tail", "--lines", "-1").exit_code == 2


@pytest.mark.parametrize(
    "damage",
    [
        b'{"event":"divergence","at":"2026',
        b'{"event":"divergence","at":"now"}',
        b"\x00\xff\r\x1b[2Jgone",
        b"5",
        b"[]",
        b"{}",
        b"",
        b"[" * 100_000,
    ],
)
def test_tail_names_a_damaged_line_and_goes_on(damage: bytes, build: Build, log: Path) -> None:
    """It is shown as damaged, in letters that a terminal does not obey."""
    write(log, {"event": "a", "at": "now"}, damage, {"event": "b", "at": "now"})
    result = build().run("shadow", "tail")
    first, damaged, last = result.output.splitlines()
    assert (first, last) == ("now a {}", "now b {}")
    assert damaged.startswith("(damaged) '")
    assert damaged.isprintable()
    assert len(damaged) < 1000


def test_tail_as_json_prints_the_lines_as_they_are(build: Build, log: Path) -> None:
    """For programs: nothing is added, nothing left out."""
    write(log, counts(), divergence())
    result = build().run("shadow", "tail", "--json")
    assert result.output == log.read_text()


def test_tail_follows_the_log_line_by_line(log: Path, settings: Settings) -> None:
    """New lines appear as they are written, one that is half written only when it is whole."""
    whole = [json.dumps({"event": f"line{number}", "at": "now"}).encode() for number in range(3)]
    log.write_bytes(whole[0] + b"\n" + whole[1][:10])
    heard: list[bytes] = []
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "shadow", "tail", "--follow"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "SHIM_INSTANCE": str(settings.instance_path)},
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)

            def lines() -> list[bytes]:
                heard.append(process.stdout.read() or b"")  # type: ignore[union-attr]
                return b"".join(heard).splitlines()

            until(lambda: lines() == [b"now line0 {}"])
            with log.open("ab") as file:
                file.write(whole[1][10:] + b"\n" + whole[2] + b"\n")
            until(lambda: lines() == [b"now line0 {}", b"now line1 {}", b"now line2 {}"])
        finally:
            process.kill()
