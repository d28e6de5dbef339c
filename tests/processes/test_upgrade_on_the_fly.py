"""A master that is told to start another one beside it, as `make run` starts masters."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.application import until
from tests.processes.gunicorn import START_S, Gunicorn

pytestmark = pytest.mark.processes


def test_usr2_starts_a_new_master_on_the_same_port(tmp_path: Path) -> None:
    """Its worker becomes ready beside the old one, and goes on when the old master has left."""
    gunicorn = Gunicorn(tmp_path, workers=1)
    assert gunicorn.flask("demo", "prepare").exit_code == 0
    with gunicorn as server:
        [old] = server.live()
        server.signal(signal.SIGUSR2)
        until(lambda: len(server.live()) == 2, within=START_S)
        [new] = server.live() - {old}
        master = psutil.Process(new).parent()
        assert master is not None
        try:
            assert old not in {child.pid for child in master.children()}
            server.stop()
            until(lambda: server.live() == {new})
            assert server.get("/healthz")[0] == 200
            assert "Traceback" not in server.output
        finally:
            os.kill(master.pid, signal.SIGTERM)
            until(lambda: not psutil.pid_exists(new))
