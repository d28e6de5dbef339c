"""A service whose log nobody reads: what matters goes on, and is said elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.application import until
from tests.processes.gunicorn import Gunicorn


@pytest.fixture(params=["a reader that pauses", "a reader that is gone"])
def output(request: pytest.FixtureRequest) -> Iterator[int]:
    """Return where master and workers print, which takes nothing."""
    unread, end = os.pipe()
    if request.param == "a reader that pauses":
        os.set_blocking(end, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(end, b"x" * 65_536)
        os.set_blocking(end, True)
    else:
        os.close(unread)
    yield end
    os.close(end)
    if request.param == "a reader that pauses":
        os.close(unread)


def wait_until_followed(gunicorn: Gunicorn, *, rolled_back: bool) -> None:
    """Wait until the worker says that everybody is on legacy, or not any more."""
    until(lambda: (gunicorn.get("/readyz")[1]["stage"] == "rolled_back") is rolled_back)


def test_a_flip_is_followed_though_nobody_reads_the_log(tmp_path: Path, output: int) -> None:
    """The worker rolls back, resumes and rolls back; /readyz says that lines are lost."""
    with Gunicorn(tmp_path, workers=1, output=output) as gunicorn:
        for command in (("rollback",), ("resume", "--reason", "a test"), ("rollback",)):
            done = gunicorn.flask("rollout", *command)
            assert done.exit_code in (0, 1), done.output  # 1: a busy machine was late to confirm
            wait_until_followed(gunicorn, rolled_back=command[0] == "rollback")

        def told() -> bool:
            return any("standard " in each for each in gunicorn.get("/readyz")[1]["problems"])

        until(told)
