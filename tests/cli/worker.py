"""A worker process as the command line sees one: it follows the files, and serves nobody.

Run as `python worker.py INSTANCE_FOLDER [--frozen]`; a frozen one keeps its heartbeat and
applies nothing.
"""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.adapters.questions import Questions
from flags.embedded import EmbeddedProvider
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.places import process_start
from flags.workers import WorkerFiles, WorkerRecord


def answer(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Answer `why` with the pid and the question, but fail for user 9."""
    if payload["user"] == 9:
        raise LookupError("user 9 is not to be explained")
    return {"side": "canonical", "user_id": payload["user"], "kind": kind, "pid": os.getpid()}


def follow(instance: Path, *, frozen: bool) -> None:
    """Follow latch and flags every 10 ms, and say so in the worker's file."""
    switch = KillSwitch([FileLatchStore(instance / "latch.json")])
    provider = EmbeddedProvider(instance / "flags.json")
    workers, questions = WorkerFiles(instance / "run"), Questions(instance / "run")
    started = process_start(os.getpid())
    provider.start()
    switch.poll()
    engaged = switch.latch.engaged
    applied = (switch.latch.epoch, time.time(), provider.state.revision, time.time())
    while True:
        now = time.time()
        workers.write(
            WorkerRecord(
                os.getpid(),
                started,
                socket.gethostname(),
                *applied,
                now,
                started,
                engaged=engaged,
                flags=provider.state.digest,
            )
        )
        time.sleep(0.01)
        if frozen:
            continue
        if switch.poll():
            engaged = switch.latch.engaged
            engaged = switch.latch.engaged
            applied = (switch.latch.epoch, time.time(), *applied[2:])
        if provider.poll():
            applied = (*applied[:2], provider.state.revision, time.time())
        questions.answer_pending(os.getpid(), answer)


if __name__ == "__main__":
    follow(Path(sys.argv[1]), frozen="--frozen" in sys.argv)
