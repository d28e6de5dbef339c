"""Plays trials in processes of their own, a few at a time."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.kit.trial import Trial

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = max(os.cpu_count() or 1, 1)
OVERTIME_S = 60.0
"""How much longer than its traffic a trial may take, to start, settle and judge."""

Result = dict[str, Any]


def play(trial: Trial) -> Result:
    """Play one trial; a process that ends otherwise, or never, is a result as well: `died`."""
    with TemporaryDirectory(prefix="power-trial-") as folder:
        given, result = Path(folder) / "trial.json", Path(folder) / "result.json"
        given.write_text(json.dumps(asdict(trial)))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "bench.kit.trial", str(given), str(result)],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,  # the shadow log, which is read from its files
                stderr=subprocess.PIPE,
                text=True,
                timeout=trial.seconds + OVERTIME_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"died": "it did not end"}
        if done.returncode or not result.exists():
            last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
            return {"died": last[:200]}
        return dict(json.loads(result.read_text()))


def play_all(
    trials: Iterable[tuple[str, Trial]], *, within: float | None = None
) -> Iterator[tuple[str, Result]]:
    """Play trials by name, as many at once as there are cores; yield each as it ends.

    None is begun after `within` seconds, but for the first ones.
    """
    began, waiting = time.monotonic(), iter(trials)
    named: dict[Future[Result], str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, trial in islice(waiting, AT_ONCE):
            named[pool.submit(play, trial)] = name
        while named:
            for done in wait(named, return_when=FIRST_COMPLETED).done:
                in_time = within is None or time.monotonic() - began < within
                for name, trial in islice(waiting, 1 if in_time else 0):
                    named[pool.submit(play, trial)] = name
                yield named.pop(done), done.result()
