"""`flask shadow`: the log as it grows, and as a whole."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.app.test_report import INCIDENT, counts, divergence, numbers
from tests.application import Build, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def log(settings: Settings) -> Path:
    """Return where a worker's shadow log of this instance lies; its folder is there."""
    settings.log_path.mkdir()
    return settings.log_path / "shadow-host-1.jsonl"


def write(path: Path, *lines: dict[str, Any] | bytes) -> Path:
    """Write a log."""
    whole = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(line + b"\n" for line in whole))
    return path


def shown(**changes: Any) -> dict[str, Any]:
    """Return a divergence with the fields that only the eye needs."""
    return divergence(**{"serving": "legacy", **changes})


def test_the_report_judges_the_time_that_is_asked_for(
    build: Build, log: Path, tmp_path: Path
) -> None:
    """Since the last resume, since a moment, or all: the text, the page and JSON say which."""
    write(log, *INCIDENT)
    built = build()
    recent = "since the last resume, epoch 7, 2026-01-01T00:30:00+00:00"
    page = tmp_path / "page.html"
    shown = built.run("shadow", "report", "--html", str(page))
    assert f"judged: {recent}; --all judges what came before, too" in shown.output
    assert re.search(r"^all +truth +pass +70 ", shown.output, re.M)
    assert f"Judged: {recent}." in page.read_text()
    told = json.loads(built.run("shadow", "report", "--json").stdout)
    assert told["judged"] == {
        "begins": "last resume",
        "epoch": 7,
        "at": "2026-01-01T00:30:00+00:00",
    }
    whole = built.run("shadow", "report", "--all").output
    assert re.search(r"^all +truth +fail +603 ", whole, re.M)
    moment = built.run("shadow", "report", "--since", "2026-01-01T03:15+03:00").output
    assert "judged: since 2026-01-01T03:15:00+03:00" in moment
    assert re.search(r"^all +truth +fail +103 ", moment, re.M)
    both = built.run("shadow", "report", "--all", "--since", "2026-01-01")
    assert (both.exit_code, "exclude each other" in both.output) == (2, True)
    never = built.run("shadow", "report", "--since", "yesterday")
    assert (never.exit_code, "'yesterday' is no time" in never.output) == (2, True)


def test_a_packed_log_is_read_or_refused_by_name(build: Build, log: Path) -> None:
    """Never 'not running': what cannot be read is no verdict."""
    write(log, counts(comparisons={"truth": numbers(5)}), divergence(comparison="truth"))
    packed = log.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    built = build()
    for names in ((), (str(packed),)):
        shown = built.run("shadow", "report", *names)
        assert (shown.exit_code, "fail                 6" in shown.output) == (0, True)
    tail = built.run("shadow", "tail", str(packed))
    assert tail.exit_code == 1
    assert "it is packed with gzip: unpack it, or see `flask shadow report`" in tail.output
    packed.write_bytes(b"\x28\xb5\x2f\xfd and more")
    shown = built.run("shadow", "report", str(packed))
    assert shown.exit_code == 1
    assert "it is packed with zstd: unpack it first, with `zstd -d`" in shown.output
    packed.write_bytes(b"\x7fELF\0\0\n" * 9)
    shown = built.run("shadow", "report", str(packed))
    assert shown.exit_code == 1
    assert f"nothing could be read: {packed} holds no line of a shadow log" in shown.output


def test_the_table_says_no_less_than_the_list_below_it(build: Build, log: Path) -> None:
    """A divergence has its line at once, and the counts come every ten seconds."""
    write(log, counts(comparisons={"truth": numbers(5)}), divergence(comparison="truth"))
    shown = build().run("shadow", "report").output
    assert re.search(r"^shadow +truth +fail +6 +0 +1 ", shown, re.M)
    assert re.search(r"^all +truth +fail +6 +0 +1 ", shown, re.M)


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
        "3 lines of 1 workers, 1 damaged, 0 of another version",
        "judged: all that was counted",
        "balance-notifications: routed canonical 1, invalid_user_id 1, legacy 5",
        "sampled 7 calls in 5 episodes, 1 closed by force; dropped none; stale legacy frames 2",
        "",
        "stage       comparison verdict       compared   known diverged     rate  at most"
        "        noise   beyond  not compared",
        "shadow      reach      pass                10       6        0      0 %   25.9 %"
        "       0 of 0   25.9 %  0",
        "shadow      truth      fail                10       0        1     10 %   39.4 %"
        "            -   39.4 %  0",
        "shadow      saying     inconclusive         1       0        0      0 %     95 %"
        "       0 of 0     95 %  9",
        "all         reach      pass                10       6        0      0 %   25.9 %"
        "       0 of 0   25.9 %  0",
        "all         truth      fail                10       0        1     10 %   39.4 %"
        "            -   39.4 %  0",
        "all         saying     inconclusive         1       0        0      0 %     95 %"
        "       0 of 0     95 %  9: raced 9",
        "'at most' is the exact one-sided upper bound of the rate at 95 %",
        "'noise' is how often legacy differed from itself, of how many; 'beyond' is 'at most' less",
        "the exact one-sided lower bound of that rate at 95 %, and never below 0",
        "",
        "known divergences, which count as none in each verdict above:",
        "  legacy-reaches-nobody (reach recipients.* extra), the migration, until the end of the"
        " migration, meant to stay, met 0 times: the service that is asked to notify holds no"
        " connection: what is being repaired",
        *(
            f"  {id_} ({comparison} skipped.* extra), the migration, until the end of the"
            " migration, meant to stay, met 0 times: legacy drops a dead connection while it"
            " sends, and skips the live one after it"
            for id_, comparison in (
                ("dead-tab-skips-next", "reach"),
                ("dead-tab-skips-next-saying", "saying"),
            )
        ),
        "  older-balance-comes-last (saying last value), the migration, until the end of the"
        " migration, meant to stay, met 0 times: where a boost and another income come together"
        " legacy sends the caller's balance last, and it is older than what it has sent before",
        "",
        "by kind: missing 1, value 1",
        "by caller: batch 1",
        "",
        "divergences, most frequent first:",
        "  f1      1 x reach known as the-fault, 2026-01-01T00:00:00+00:00 to"
        " 2026-01-01T00:00:00+00:00: balance.uni value, recipients missing",
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
        f"Error: there is no shadow log in {settings.log_path}: start the service, or name a log"
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
    write(
        log,
        counts(),
        shown(),
        shown(known="the-fault"),
        {"v": 1, "event": "shadow_stuck", "at": "zz"},
    )
    result = build().run("shadow", "tail", "--lines", "3")
    found = "recipients missing: ['a'] is [], balance.uni value: 1.5 is 2 [f1]"
    assert result.output.splitlines() == [
        f"2026-01-01T00:00:00Z divergence reach user a1b2 served by legacy: {found}",
        "2026-01-01T00:00:00Z divergence reach (known: the-fault) user a1b2 served by legacy:"
        f" {found}",
        "zz shadow_stuck {}",
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
    damaged = [line for line in result.output.splitlines() if line.startswith("(damaged) '")]
    assert [line for line in result.output.splitlines() if line not in damaged] == [
        "now a {}",
        "now b {}",
    ]
    assert len(damaged) == 1
    assert damaged[0].isprintable()
    assert len(damaged[0]) < 1000


def test_tail_and_report_take_all_workers_of_the_instance(build: Build, log: Path) -> None:
    """Lines of several files stand in the order of time, closed files included."""
    write(log, counts(1, second=1), counts(1, second=3))
    write(log.with_name("shadow-host-2.jsonl"), counts(2, second=2))
    write(log.with_name("shadow-host-2.000001.jsonl"), counts(2, second=0))
    built = build()
    told = json.loads(built.run("shadow", "report", "--json").output)
    assert (told["lines"], told["workers"]) == (4, 2)
    shown = built.run("shadow", "tail", "--json", "--lines", "3").output.splitlines()
    assert [(line["worker"], line["at"][17:19]) for line in map(json.loads, shown)] == [
        (1, "01"),
        (2, "02"),
        (1, "03"),
    ]


def test_the_report_says_how_sure_it_is(build: Build, log: Path) -> None:
    """The level and the limit are asked for in percent; a bound over the limit is no pass."""
    write(log, counts())
    result = build().run("shadow", "report", "--json", "--level", "90", "--limit", "1")
    truth = json.loads(result.output)["stages"]["shadow"]["truth"]
    assert truth["verdict"] == "inconclusive"
    assert truth["bound"] == pytest.approx(1 - 0.1 ** (1 / 5))
    assert truth["why"].endswith("225 more are needed")


@pytest.mark.parametrize(
    "option", [("--level", "0.95"), ("--level", "100"), ("--limit", "0"), ("--limit", "x")]
)
def test_terms_that_cannot_be_are_usage_errors(
    option: tuple[str, str], build: Build, log: Path
) -> None:
    """Exit code 2, with what the option takes."""
    write(log, counts())
    assert build().run("shadow", "report", *option).exit_code == 2


def test_the_page_needs_nothing_else(build: Build, log: Path, tmp_path: Path) -> None:
    """No link, script or picture from elsewhere; both colour schemes; charts and samples in it."""
    noise = {"reach": numbers(6, mismatched=2), "saying": numbers(6, mismatched=2)}
    others = [counts(second=10 * n, calls=n, noise=noise) for n in range(6)]
    write(log, *others, divergence(), divergence(second=1), b"{cut")
    page = tmp_path / "page.html"
    assert build().run("shadow", "report", "--html", str(page)).exit_code == 0
    text = page.read_text()
    assert not re.findall(r"(src|href)=|url\(|@import|<script|https?:", text)
    assert "prefers-color-scheme: dark" in text
    assert text.count("<svg") == 3
    assert "Of the migration balance-notifications, made " in text
    assert "Calls routed: canonical 1, invalid_user_id 1, legacy 5" in text
    assert "batch.process" in text
    assert "balance.uni" in text
    assert "2 \N{MULTIPLICATION SIGN} reach" in text
    cards = re.findall(r"data-testid=\"verdict-.*?</section>", text, re.DOTALL)
    assert len(cards) == 3
    assert all("legacy-reaches-nobody" in card and "the migration" in card for card in cards)
    assert [card.count("Legacy differed from itself in 2 of 8") for card in cards] == [1, 0, 1]


def test_the_page_says_what_was_left_out_by_how_busy_users_are(
    build: Build, log: Path, tmp_path: Path
) -> None:
    """The numbers of the text report: what raced, what was dropped, what besides, and the share."""
    sums = {
        "sampled": 1009,
        "compared": 24,
        "dropped:queue_full": 1,
        "not_compared:raced": 2,
        "not_compared:forced": 1,
        "not_compared:no_connection": 30,
    }
    write(log, counts(activity={"steady": sums, "<lone>": {"sampled": 1}}))
    page = tmp_path / "page.html"
    assert build().run("shadow", "report", "--html", str(page)).exit_code == 0
    [table] = re.findall(r'<table data-testid="activity">.*?</table>', page.read_text(), re.DOTALL)
    rows = [
        [cell.strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in table.split("<tbody>")[1].split("</tr>")[:-1]
    ]
    assert rows == [
        ["&lt;lone&gt;", "1", "0", "0", "0", "none", "-"],
        ["steady", "1,009", "24", "2", "1", "forced 1, no_connection 30", "20 %"],
    ]


def test_what_stands_in_a_log_is_never_markup(build: Build, log: Path, tmp_path: Path) -> None:
    """A log of another host may hold anything: on the page it is text."""
    evil = "<script>alert(1)</script>"
    write(
        log,
        counts(stage=evil),
        divergence(
            evil,
            user=evil,
            serving=evil,
            calls=[{"path": evil, "caller": evil}],
            differences=[{"path": evil, "kind": evil, "expected": evil, "actual": [evil]}],
            observations=[{"side": evil, "live": True, "calls": [evil], "effects": [evil]}],
        ),
        divergence("odd", differences=[{"path": "a", "kind": "b"}]),
    )
    page = tmp_path / "page.html"
    result = build().run("shadow", "report", "--html", str(page))
    assert result.exit_code == 0, result.output
    assert "<script" not in page.read_text()
    assert "&lt;script" in page.read_text()


def test_a_page_of_an_empty_log_says_that_nothing_ran(
    build: Build, log: Path, tmp_path: Path
) -> None:
    """Three verdicts, and none of them is a pass."""
    write(log)
    page = tmp_path / "page.html"
    assert build().run("shadow", "report", "--html", str(page)).exit_code == 0
    assert page.read_text().count(">not running<") == 3
    assert "Nothing was compared" in page.read_text()


def test_a_page_that_cannot_be_written_is_said(build: Build, log: Path, tmp_path: Path) -> None:
    """Which file, why, and what to do."""
    write(log)
    page = tmp_path / "none" / "page.html"
    result = build().run("shadow", "report", "--html", str(page))
    assert result.exit_code == 1
    assert f"the page {page} cannot be written (No such file or directory)" in result.output


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
