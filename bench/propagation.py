"""How fast a change reaches the last of four workers on two hosts, on real servers, in one run.

Run it as `python bench/propagation.py [--quick | --full] [--json FILE]`.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.logs import quiet_log
from app.unleash_setup import Hook, set_up
from app.web.hooks import PATH, hook_token
from bench.kit import budget
from bench.kit.flag_server import changes, wait_for_hook
from bench.kit.kills import kill_under_load
from bench.kit.servers import servers
from bench.kit.spread import Spread, hosts, last_to_apply, rollbacks
from bench.kit.table import Form, Report, arguments
from flags.admin import EmbeddedAdmin
from flags.decision import CANONICAL_FLAG
from flags.workers import WorkerRecord
from scripts.hosts import Host
from scripts.servers import PostgresServer, RedisServer
from scripts.unleash_server import ADMIN_TOKEN, CLIENT_TOKEN, unleash_on

NO_SERVER_MS, REDIS_MS, DATABASE_MS, FLAG_FILE_MS = 100, 50, 1000, 200
HOOK_MS, NO_HOOK_MS = 1300, 2500
PER_SECOND = 200


@dataclass(frozen=True, slots=True)
class Size:
    """How often each thing is done at most, and within how many seconds each."""

    rollbacks: int
    without_servers: int
    files: int
    kills: int
    hooked: int
    unhooked: int
    within: float | None = None


FULL = Size(rollbacks=100, without_servers=20, files=100, kills=100, hooked=100, unhooked=30)
NORMAL = Size(
    rollbacks=100, without_servers=20, files=100, kills=100, hooked=100, unhooked=30, within=11.0
)
QUICK = Size(rollbacks=2, without_servers=1, files=2, kills=2, hooked=2, unhooked=1)
SIZES = {Form.FULL: FULL, Form.NORMAL: NORMAL, Form.QUICK: QUICK}


def main() -> None:
    """Measure, print, and write the JSON if it is wanted."""
    options = arguments("How fast a change reaches every worker of two hosts.")
    size = SIZES[options.form]
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix="propagation-"))
    try:
        with quiet_log():
            _without_servers(folder / "alone", size, report)
            with servers() as (redis, postgres, settings):
                environ = {**settings, **_ALWAYS}
                _with_servers(folder / "shared", size, report, redis, postgres, environ)
                _with_unleash(folder / "unleash", size, report, postgres, environ)
    finally:
        shutil.rmtree(folder)
    report.finish(options.json)


_ALWAYS = {"SHIM_DEMO": "1", "SHIM_SCHEDULERS": "off"}


def _without_servers(folder: Path, size: Size, report: Report) -> None:
    with hosts(folder, _ALWAYS) as found:
        switches = [host.deciding().kill_switch for host in found]
        report.add(
            "without any server",
            "  Nothing connects the hosts: each is given the order, and measured from the rename\n"
            "  of its own file. The time is that of the last of the four workers.",
            [
                *rollbacks(found, switches, size.rollbacks, within=size.within).rows(
                    "rollback", p99=NO_SERVER_MS
                ),
                *_flag_files(found, size.files, within=size.within).rows(
                    "flag file", p99=FLAG_FILE_MS
                ),
            ],
        )


def _with_servers(
    folder: Path,
    size: Size,
    report: Report,
    redis: RedisServer,
    postgres: PostgresServer,
    environ: dict[str, str],
) -> None:
    with hosts(folder, environ, serves="bench.kit.counted:build()") as found:
        deciding = found[0].deciding()
        switch = deciding.kill_switch
        switch.poll()

        def measure(where: Sequence[Host], times: int) -> Spread:
            return rollbacks(where, [switch], times, within=size.within)

        report.add(
            "Redis and PostgreSQL",
            "  The order is given on one host: from the first store that has it to the last of\n"
            "  the four workers on both. Frozen servers take connections and answer nothing.",
            [
                *measure(found, size.rollbacks).rows("rollback", p99=REDIS_MS),
                *_frozen([redis], partial(measure, found, size.without_servers)).rows(
                    "rollback, Redis frozen", worst=DATABASE_MS
                ),
                *_frozen([redis, postgres], partial(measure, found[:1], size.without_servers)).rows(
                    "rollback, both frozen, the own host", p99=NO_SERVER_MS
                ),
            ],
        )
        _set_both(found, 100)
        report.add(
            f"{PER_SECOND} requests a second meanwhile",
            "  Each books a reward and notifies; every call of a live side is written down before\n"
            "  it is made. Acknowledged is when each of the four workers has confirmed.",
            kill_under_load(
                found,
                switch=switch,
                workers=deciding.workers,
                kills=size.kills,
                per_second=PER_SECOND,
                within=size.within,
            ),
        )
        switch.stop()
        deciding.workers.close()


def _with_unleash(
    folder: Path, size: Size, report: Report, postgres: PostgresServer, environ: dict[str, str]
) -> None:
    with unleash_on(postgres) as server:
        environ = {**environ, "DATABASE_URL": postgres.url(postgres.create_database())}
        environ |= {
            "UNLEASH_URL": server.url,
            "UNLEASH_CLIENT_TOKEN": CLIENT_TOKEN,
            "UNLEASH_ADMIN_TOKEN": ADMIN_TOKEN,
        }
        for _ in set_up(server.api, None):
            pass
        with hosts(folder, environ) as found:
            unhooked = changes(found, server, size.unhooked, within=size.within)
            for _ in set_up(
                server.api, Hook(f"{found[0].url}{PATH}", hook_token(found[0].settings))
            ):
                pass
            server.restart()  # it looks for new webhooks once a minute, and at its first event
            wait_for_hook(found[0], server)
            hooked = changes(found, server, size.hooked, within=size.within)
        report.add(
            "Unleash",
            "  The percentage is turned in Unleash itself: from the moment it is asked to, to the\n"
            "  last of the four workers. Its own tick is a second.",
            [
                *hooked.rows("change, webhook on", worst=HOOK_MS),
                *unhooked.rows("change, webhook off", worst=NO_HOOK_MS),
            ],
        )


def _frozen(
    servers: Sequence[RedisServer | PostgresServer], measure: Callable[[], Spread]
) -> Spread:
    """Measure while these servers hang."""
    for server in servers:
        server.freeze()
    try:
        return measure()
    finally:
        for server in servers:
            server.thaw()


def _flag_files(found: Sequence[Host], times: int, *, within: float | None) -> Spread:
    """Change the flag file of both hosts, and measure each from its own rename."""
    spread = Spread()
    for number in budget.rounds(times, within=within):
        written = _set_both(found, number % 100)
        spread.note(
            [
                (at, last_to_apply([host], _since(at)))
                for host, at in zip(found, written, strict=True)
            ]
        )
    return spread


def _since(moment: float) -> Callable[[WorkerRecord], float | None]:
    """Return when a worker applied flags after this moment."""
    return lambda record: (
        record.revision_applied_at if record.revision_applied_at >= moment else None
    )


def _set_both(found: Sequence[Host], percentage: int) -> list[float]:
    """Set the canonical's percentage on every host; return when each file was there."""
    return [
        EmbeddedAdmin(host.settings.flag_file).set_percentage(CANONICAL_FLAG, percentage).written_at
        for host in found
    ]


if __name__ == "__main__":
    main()
