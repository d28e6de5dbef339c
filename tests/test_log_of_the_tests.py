"""What the code under test logs is seen where a test failed, and nowhere else."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

TESTS = """
import threading
import time

import structlog

log = structlog.get_logger("app")
ended = threading.Event()


def go_on():
    while not ended.wait(0.001):
        log.error("from-a-thread-that-outlives-its-test")


def test_that_passes():
    threading.Thread(target=go_on, daemon=True).start()
    log.error("of-the-one-that-passed")


def test_that_fails():
    log.error("of-the-one-that-failed")
    time.sleep(0.2)
    ended.set()
    assert False
"""


def test_only_a_test_that_failed_shows_what_was_logged(tmp_path: Path) -> None:
    """Neither a passed one nor a thread between two tests writes on the terminal."""
    (tmp_path / "test_probe.py").write_text(TESTS)
    options = ["-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "/dev/null"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "1 failed, 1 passed" in said, said
    before, _, after = said.partition("Captured log of the code under test")
    assert "of-the-one-that-failed" in after
    for event in ("of-the-one-that-passed", "from-a-thread-that-outlives-its-test"):
        assert event not in before
    assert "of-the-one-that-passed" not in after
