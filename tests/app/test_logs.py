"""The service's own log: one JSON object a line, and nothing personal in it."""

import json

import pytest
import structlog

from app.logs import configure_logging

pytestmark = pytest.mark.usefixtures("log_configuration")


def test_a_line_is_one_json_object_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Event, level and time are there; what JSON cannot say is text; debug is left out."""
    configure_logging()
    log = structlog.get_logger()
    log.debug("unheard")
    log.warning("half\nline", value={1}, error=OSError("no"))
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    found = json.loads(line)
    assert (found["event"], found["level"], found["value"]) == ("half\nline", "warning", "{1}")
    assert found["at"].endswith("Z")
    assert captured.out == ""


def test_what_a_shadow_says_is_not_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """It was connected to nobody: whatever it lost or could not read never happened."""
    configure_logging()
    with structlog.contextvars.bound_contextvars(said_by_shadow=True):
        structlog.get_logger().warning("balances_unreadable")
    structlog.get_logger().warning("heard")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "heard"


def test_a_traceback_names_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """Where it failed and why is in the line; what the variables held is not."""
    configure_logging()
    token = "a secret in a variable"
    try:
        len(token).nothing  # type: ignore[attr-defined]  # noqa: B018
    except AttributeError:
        structlog.get_logger().exception("failed")
    line = capsys.readouterr().err
    assert token not in line
    (raised,) = json.loads(line)["exception"]
    assert raised["exc_type"] == "AttributeError"
    assert raised["frames"][0]["filename"].endswith("test_logs.py")
