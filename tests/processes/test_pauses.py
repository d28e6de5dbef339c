"""What stops every thread of a worker at once: a collection of garbage that goes through all."""

import json
import urllib.request
from pathlib import Path

import pytest

from tests.processes.gunicorn import Gunicorn

pytestmark = pytest.mark.processes


def test_a_collection_goes_through_little_of_what_a_worker_holds(tmp_path: Path) -> None:
    """What was there when it began to serve is left out, which is nearly all."""
    gunicorn = Gunicorn(tmp_path, workers=1, serves="tests.processes.collected:build()")
    with gunicorn, urllib.request.urlopen(f"{gunicorn.url}/collected", timeout=60) as answer:
        found = json.load(answer)
    assert found["kept"] > 10 * found["seen"]
