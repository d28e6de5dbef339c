"""The runtime: services start in order, stop in reverse, in each process for itself."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.runtime import ClosedLast, Control, Runtime
from tests.app.test_control import Workbench


class Recorded:
    """A service that notes what is asked of it, and may fail."""

    def __init__(self, name: str, log: list[str], *, failing: str = "") -> None:
        self.name = name
        self._log = log
        self._failing = failing

    def start(self) -> None:
        """Note it."""
        self._do("start")

    def stop(self) -> None:
        """Note it."""
        self._do("stop")

    def _do(self, what: str) -> None:
        self._log.append(f"{what} {self.name}")
        if what == self._failing:
            raise OSError(f"{self.name} does not {what}")


@pytest.fixture
def control(tmp_path: Path) -> Control:
    """Return a control that no test here starts."""
    return Workbench(tmp_path).control


def runtime_of(*services: Recorded, control: Control) -> Runtime:
    """Return a runtime over these services."""
    return Runtime([(service.name, service) for service in services], control)


def test_services_start_in_order_and_stop_in_reverse(control: Control) -> None:
    """What stands on another starts after it and stops before it; twice is once."""
    log: list[str] = []
    runtime = runtime_of(Recorded("a", log), Recorded("b", log), control=control)
    runtime.start()
    runtime.start()
    assert runtime.started
    runtime.stop()
    runtime.stop()
    assert log == ["start a", "start b", "stop b", "stop a"]
    assert not runtime.started


def test_a_service_that_fails_to_stop_keeps_no_other_from_it(control: Control) -> None:
    """The failure is logged with the service's name; the rest stops."""
    log: list[str] = []
    services = [Recorded("a", log), Recorded("b", log, failing="stop"), Recorded("c", log)]
    runtime = runtime_of(*services, control=control)
    runtime.start()
    with capture_logs() as lines:
        runtime.stop()
    assert log[3:] == ["stop c", "stop b", "stop a"]
    assert [(line["event"], line["service"]) for line in lines] == [("stop_failed", "b")]


def test_a_start_that_fails_leaves_nothing_started(control: Control) -> None:
    """What was started is stopped, the error is the caller's, and a new start is a whole one."""
    log: list[str] = []
    failing = Recorded("b", log, failing="start")
    runtime = runtime_of(Recorded("a", log), failing, Recorded("c", log), control=control)
    with pytest.raises(OSError, match="b does not start"):
        runtime.start()
    assert log == ["start a", "start b", "stop a"]
    assert not runtime.started
    failing._failing = ""
    runtime.start()
    assert log[3:] == ["start a", "start b", "start c"]


def test_a_fork_of_a_started_process_does_not_count_as_started(control: Control) -> None:
    """Threads do not live through a fork: the child starts for itself, and stops its own."""
    log: list[str] = []
    runtime = runtime_of(Recorded("a", log), control=control)
    runtime.start()
    child = os.fork()
    if child == 0:
        started = runtime.started
        runtime.stop()
        runtime.start()
        os._exit(0 if not started and log == ["start a"] * 2 and runtime.started else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert runtime.started
    assert log == ["start a"]


def test_what_is_closed_last_is_closed_by_stopping() -> None:
    """Something that opens by itself is not opened by starting."""
    closed: list[int] = []
    last = ClosedLast(lambda: closed.append(1))
    last.start()
    assert closed == []
    last.stop()
    assert closed == [1]
