"""What all tests share."""

import io
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

pytest_plugins = ("tests.servers", "tests.application")

# Two loaded cores make any deadline for one example a matter of luck; --timeout bounds tests.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

LOG = io.StringIO()
"""What the code under test logs in this process. Not standard error: threads that outlive their
test would write on the terminal, between the names of the tests."""

# A tool that the checks need brings along `rich`, and structlog would draw each traceback with
# it, all locals included: that takes seconds, and minutes where a test logs hundreds of them.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ],
    logger_factory=structlog.PrintLoggerFactory(LOG),
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, bool | None, bool | None]:
    """Begin each test with an empty log."""
    LOG.seek(0)
    LOG.truncate()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a test that failed what was logged meanwhile."""
    report = yield
    if report.failed:
        report.sections.append(("Captured log of the code under test", LOG.getvalue()))
    return report


@pytest.fixture
def logged() -> Callable[[], str]:
    """Return what the test has logged so far."""
    return LOG.getvalue


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that every user can reach; `tmp_path` lies in one that only we may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
