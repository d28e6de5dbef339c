"""A real system whose canonical turns bad: how soon the guard has all workers on legacy."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from app.accounts import open_accounts
from app.credits import Credit, book
from app.database import Database
from app.money import Currency
from bench.kit import budget, turncoat
from bench.kit.audience import Audience
from bench.kit.spread import has_applied, last_to_apply
from bench.kit.table import Row
from bench.kit.timing import percentile
from flags.admin import EmbeddedAdmin
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.embedded import ensure_flag_file
from flags.kill_switch import KillSwitch
from scripts.hosts import Host

NOTICE_S = 1.0
"""How long before the moment it is written down: the workers read it before each batch."""
MISSED_S = 20.0
DRAIN_S = 2.0
"""Until what was wrong has been compared: an episode lasts a second at most."""
SETTLE_S = 3.0
"""Until the guard has begun anew after a resume."""


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds from the moment to the trip, and to the last worker on legacy; bad messages."""

    tripped: float
    followed: float
    bad: int


class System:
    """One host of four workers under pressure, with a page for each user."""

    def __init__(self, host: Host, audience: Audience, switch: KillSwitch) -> None:
        self._host = host
        self._audience = audience
        self._switch = switch
        self._pauses = random.Random(1)
        self.missed = self.early = 0
        self.began = self.ended = 0.0

    def rounds(self, times: int, *, within: float | None) -> list[Round]:
        """Turn bad and good again so many times, `within` so many seconds."""
        self.began = time.time()
        found = []
        for number in budget.rounds(times, within=within):
            if number:
                self._go_on()
            found.append(self._round())
        self.ended = time.time()
        return [each for each in found if each is not None]

    @property
    def calls_a_second(self) -> float:
        """How many calls were made in all workers while the rounds went on."""
        calls = turncoat.made(self._host.folder)
        during = sum(count for at, count in calls if self.began <= at <= self.ended)
        return during / (self.ended - self.began)

    @property
    def pages(self) -> list[Row]:
        """How many pages there were, what they were shown in all, and how many were cut off."""
        audience = self._audience
        return [
            Row("pages", "open", "", audience.open),
            Row("pages", "balances shown", "", audience.frames),
            Row("pages", "cut off", "", audience.lost, 0),
        ]

    def _round(self) -> Round | None:
        time.sleep(self._pauses.random())  # not always at the same beat of the guard's looks
        before, folder = self._audience.bad, self._host.folder
        moment = time.time() + NOTICE_S
        turncoat.turn_bad(folder, moment)
        try:
            found = self._wait(moment)
        finally:
            turncoat.turn_good(folder)
        time.sleep(DRAIN_S)
        bad = self._audience.bad - before
        return None if found is None else Round(*found, bad)

    def _go_on(self) -> None:
        """Have canonical serve again, and the guard begin anew."""
        released = self._switch.release(who="bench", why="the next round")
        last_to_apply([self._host], has_applied(released))
        time.sleep(SETTLE_S)

    def _wait(self, moment: float) -> tuple[float, float] | None:
        """Return the seconds from the moment to the trip and to the last worker."""
        while not self._switch.latch.engaged and time.time() < moment + MISSED_S:
            self._switch.poll()
            time.sleep(0.002)
        latch = self._switch.latch
        last = last_to_apply([self._host], has_applied(latch)) if latch.engaged else None
        if last is None:
            self.missed += 1
            return None
        if latch.when.timestamp() < moment:
            self.early += 1
            return None
        return latch.when.timestamp() - moment, last - moment


@contextmanager
def system(folder: Path, environ: Mapping[str, str], *, per_second: float) -> Iterator[System]:
    """Serve with everybody on canonical and compared, and all pages open."""
    host = Host(
        folder,
        name="host",
        workers=turncoat.WORKERS,
        environ={
            **environ,
            "SHIM_SCHEDULERS": "off",
            "SHIM_ADMISSION": "off",
            turncoat.PER_WORKER: str(per_second / turncoat.WORKERS),
        },
    )
    _prepare(host)
    with ExitStack() as stack:
        stack.callback(host.stop)
        host.start("bench.kit.turncoat:build()")
        host.wait_until_ready()
        audience = Audience(host.port, turncoat.USERS, is_bad=lambda uni: uni >= turncoat.WRONG)
        stack.callback(audience.stop)
        audience.start()
        deciding = host.deciding()
        stack.callback(deciding.workers.close)
        stack.callback(deciding.kill_switch.stop)
        deciding.kill_switch.poll()
        time.sleep(SETTLE_S)
        yield System(host, audience, deciding.kill_switch)


def rows(found: Sequence[Round], running: System, *, per_second: float) -> list[Row]:
    """Return the figures."""
    if not found:
        return [Row("rounds", "measured", "", 0, 1, True)]
    tripped, followed = ([getattr(each, name) for each in found] for name in _TIMES)
    bad = [each.bad for each in found]
    return [
        Row("to the trip", "median", "s", percentile(tripped, 50), digits=2),
        Row("to the trip", "worst", "s", max(tripped), digits=2),
        Row("to the last worker on legacy", "median", "s", percentile(followed, 50), 2, digits=2),
        Row("to the last worker on legacy", "worst", "s", max(followed), 5, digits=2),
        Row("bad messages that left", "median", "", percentile(bad, 50)),
        Row("bad messages that left", "most", "", max(bad)),
        *running.pages,
        Row("calls", "made", "a second", running.calls_a_second, per_second * 0.95, True),
        Row("rounds", "measured", "", len(found)),
        Row("rounds", "missed", "", running.missed, 0),
        Row("rounds", "tripped before", "", running.early, 0),
    ]


_TIMES = ("tripped", "followed")


def _prepare(host: Host) -> None:
    """Make the database, its users and the flags."""
    settings = host.settings
    settings.instance_path.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url, instance_path=settings.instance_path)
    database.upgrade()
    with database.transaction() as session:
        open_accounts(session, turncoat.USERS)
        book(session, [_opening(user) for user in turncoat.USERS])
    database.dispose()
    ensure_flag_file(settings.flag_file)
    admin = EmbeddedAdmin(settings.flag_file)
    for flag in (CANONICAL_FLAG, SHADOW_FLAG):
        admin.set_percentage(flag, 100)


def _opening(user: int) -> Credit:
    return Credit(
        user_id=user,
        currency=Currency.UNI,
        amount=Decimal(user),
        source="manual",
        idempotency_key=f"opening:{user}",
    )
