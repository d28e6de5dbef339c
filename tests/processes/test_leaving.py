"""A worker that is asked to go: every browser is told to come back, and it is gone in time."""

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.web.files import raise_file_limit
from tests.patience import patient
from tests.processes.gunicorn import Gunicorn
from tests.sockets.raw import RawBrowser

BROWSERS = 1_000

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("whom", ["master", "worker"])
def test_sigterm_tells_every_browser_and_ends_the_worker_within_five_seconds(
    tmp_path: Path, whom: str
) -> None:
    """1012 to each of 1,000; no handler is waited for, for none holds a socket."""
    gunicorn = Gunicorn(tmp_path, workers=1, environ={"SHIM_ADMISSION": "off"})
    assert gunicorn.flask("demo", "prepare").exit_code == 0
    raise_file_limit()
    with gunicorn, ExitStack() as stack:
        (worker,) = gunicorn.live()
        browsers = [stack.enter_context(RawBrowser(gunicorn.port)) for _ in range(BROWSERS)]
        browsers[0].subscribe(10)
        begun = time.monotonic()
        gunicorn.signal(signal.SIGTERM, worker if whom == "worker" else None)
        codes = [browser.close_code()[0] for browser in browsers]
        assert codes == [1012] * BROWSERS
        while worker in gunicorn.live():
            assert time.monotonic() < begun + patient(10)
            time.sleep(0.01)
        assert time.monotonic() - begun < patient(5)
    assert "Traceback" not in gunicorn.output
