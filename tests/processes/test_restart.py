"""One gunicorn, stopped and started: what lasts, and what a start cannot do."""

import json
import socket
from pathlib import Path

import pytest

from tests.processes.gunicorn import STOP_S, Gunicorn

pytestmark = pytest.mark.processes


def test_a_rollback_survives_a_full_restart(tmp_path: Path) -> None:
    """The latch is a file: the new worker starts rolled back, by whom and why as it was."""
    gunicorn = Gunicorn(tmp_path, workers=1)
    assert gunicorn.flask("demo", "prepare").exit_code == 0
    assert gunicorn.flask("rollout", "set", "100", "--force", "--reason", "a leap").exit_code == 0
    with gunicorn:
        (before,) = gunicorn.live()
        assert gunicorn.flask("rollout", "rollback", "--reason", "a fault").exit_code == 0
    assert gunicorn.views() == {}
    assert list(gunicorn.settings.run_path.glob("worker-*.json")) == []
    with gunicorn:
        (after,) = gunicorn.live()
        assert after != before
        assert gunicorn.get("/readyz")[1]["stage"] == "rolled_back"
        answer = gunicorn.why(10)[after]
        assert (answer["side"], answer["latch"]["why"]) == ("legacy", "a fault")
    assert "Traceback" not in gunicorn.output
    result = gunicorn.flask("rollout", "rollback")
    assert result.exit_code == 3
    assert "there is no live worker: this holds for those that start" in result.stderr
    assert json.loads(gunicorn.settings.latch_file.read_text())["epoch"] == 2


def test_a_port_in_use_is_said_at_once(tmp_path: Path) -> None:
    """One line that names the port and what to do; no worker is started, no stack trace."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        gunicorn = Gunicorn(tmp_path, workers=1, port=port)
        process = gunicorn.launch()
        assert process.wait(STOP_S) == 1
    assert (
        f"port {port} on 127.0.0.1 is in use: stop what listens there, or choose another with"
        " PORT=8001\n"
    ) in gunicorn.output
    assert "Traceback" not in gunicorn.output
    assert "Booting worker" not in gunicorn.output
    assert not gunicorn.settings.run_path.exists()
