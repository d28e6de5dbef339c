"""A demonstration for each test that runs commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.demonstration import Demonstration


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Demonstration]:
    """Serve the demonstration, with an open page for each of its users."""
    running = Demonstration(tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.stop()
