"""A running application for each test of the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.live import Live, serving


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """Serve the demonstration."""
    with serving(tmp_path) as running:
        yield running
