"""Reading log files in parts finds what reading them whole does, whatever stands in them."""

import bz2
import gzip
import json
import lzma
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

import shim.report_files as files
from app.charts import bars, latencies, quantile, rate_chart
from shim import log_files
from shim.report import Point, Terms, read_logs, report_of
from shim.report_scan import Scan
from tests.app.test_report import counts, divergence, told, total

LINES = [
    *(json.dumps(divergence(f"f{number % 7}", second=number % 60)) for number in range(500)),
    json.dumps(counts(1, second=3)),
    json.dumps(told(total(300), total(900, fingerprint="f5"))),
    "{cut",
    "\ufffd\x00" * 50,
    json.dumps(counts(2, second=9, v=7)),
    json.dumps(told(total(200), total(70, fingerprint="none"), worker=2)),
    *(json.dumps(counts(1, second=number)) for number in range(40)),
]


@pytest.mark.parametrize("part", [97, 1000, 20_000, 10**9])
@pytest.mark.parametrize("block", [50, 700, 10**6])
def test_parts_of_any_size_find_the_same(
    part: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line belongs to the part in which it begins, however blocks and parts cut it."""
    log = tmp_path / "log"
    log.write_text("\n".join(LINES))
    whole = Scan()
    whole.add(log.read_bytes())
    expected = report_of(whole, Terms()).as_json()
    monkeypatch.setattr(files, "PART", part)
    monkeypatch.setattr(files, "BLOCK", block)
    parts = Scan()
    for each in files.parts_of(log):
        parts.merge(files.scan_part(each))
    assert report_of(parts, Terms()).as_json() == expected
    assert (expected["lines"], expected["damaged"], expected["other_version"]) == (len(LINES), 2, 1)


def test_a_line_without_an_end_is_held_in_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is no log at all is one damaged line, and not read into memory whole."""
    monkeypatch.setattr(files, "LONGEST_LINE", 1000)
    monkeypatch.setattr(files, "BLOCK", 100)
    log = tmp_path / "log"
    log.write_bytes(b"\xff" * 100_000 + b"\n" + json.dumps(divergence()).encode())
    report = read_logs([log])
    assert (report.lines, report.damaged, len(report.groups)) == (2, 1, 1)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("packer", PACKERS)
def test_a_packed_log_is_read_as_a_plain_one(packer: str, tmp_path: Path) -> None:
    """Whatever its name is: what rotates logs packs them."""
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_text("\n".join(LINES))
    packed.write_bytes(PACKERS[packer](plain.read_bytes()))
    assert read_logs([packed]).as_json() == read_logs([plain]).as_json()


@pytest.mark.parametrize("packer", PACKERS)
def test_a_packed_log_that_is_cut_is_read_up_to_there(packer: str, tmp_path: Path) -> None:
    """And the report says so: no verdict rests on half a file in silence."""
    log = tmp_path / "log"
    text = "".join(json.dumps(divergence(f"{n}{os.urandom(30).hex()}")) + "\n" for n in range(3000))
    whole = PACKERS[packer](text.encode())
    log.write_bytes(whole[: len(whole) // 2])
    report = read_logs([log])
    [note] = report.notes
    assert note.startswith(f"{log} is cut off or damaged")
    assert 0 <= report.lines < 3000


def test_a_packed_log_is_unpacked_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes may unpack to gigabytes; neither memory nor time goes on for ever."""
    monkeypatch.setattr(log_files, "FREE_BYTES", 2**20)
    log = tmp_path / "log"
    log.write_bytes(gzip.compress(json.dumps(divergence()).encode() + b"\n" + bytes(2**27)))
    tracemalloc.start()
    report = read_logs([log])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(report.groups) == 1
    assert [" it unpacks to more" in note for note in report.notes] == [True]
    assert peak < 8 * files.LONGEST_LINE


@pytest.mark.parametrize("content", [b"\x7fELF" + bytes(range(256)) * 50, b"hello\nworld\n"])
def test_a_file_without_a_log_line_is_named(content: bytes, tmp_path: Path) -> None:
    """It is no log in which nothing ran."""
    log = tmp_path / "log"
    log.write_bytes(content)
    assert read_logs([log]).notes == (f"{log} holds no line of a shadow log",)


def test_progress_is_told_every_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts add up to the files, and an empty file is read as well."""
    monkeypatch.setattr(files, "PART", 1000)
    logs = [tmp_path / "one", tmp_path / "none"]
    logs[0].write_text("\n".join(LINES))
    logs[1].touch()
    told: list[int] = []
    read_logs(logs, progress=told.append)
    assert len(told) > 10
    assert sum(told) == logs[0].stat().st_size


def test_a_chart_of_a_rate_lies_within_its_plot() -> None:
    """Line below bound, dots with their numbers, a scale that holds the highest bound."""
    points = [Point(1e9 + n * 60, 60, 100 * n + 1, n) for n in range(5)]
    chart = rate_chart(points, level=0.95)
    assert chart is not None
    for pair in chart.area.split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= 960
        assert 0 <= y <= 150
    assert "4 of 401 diverged (0.998%), at most" in chart.dots[-1].title
    assert len(chart.across) == 3
    assert rate_chart([], level=0.95) is None
    assert rate_chart(points[:1], level=0.95) is not None


def test_bars_show_the_largest_and_the_rest_as_one() -> None:
    """The lengths are of the longest, the shares of all."""
    found = bars({f"c{number:02}": number for number in range(20)}, most=3)
    assert [(bar.name, bar.count) for bar in found] == [
        ("c19", 19),
        ("c18", 18),
        ("c17", 17),
        ("17 others", 136),
    ]
    assert found[-1].length == 100
    assert sum(bar.share for bar in found) == pytest.approx(1)
    assert bars({}) == ()


def test_latencies_are_quantiles_by_class() -> None:
    """The upper end of the class that holds half, 90 % and 99 % of the calls."""
    classes = {16: 50, 32: 45, 1024: 4, 2**21: 1}
    assert [quantile(classes, part) for part in (0.5, 0.9, 0.99, 1.0)] == [16, 32, 1024, 2**21]
    (side,) = latencies({"canonical live": classes, "idle": {}})
    assert (side.side, side.calls) == ("canonical live", 100)
    assert [words for _, words, _ in side.quantiles] == ["< 16 us", "< 32 us", "< 1.02 ms"]
