"""The whole application, started, through its stages, on SQLite and on PostgreSQL."""

import secrets
import time
from decimal import Decimal

import pytest

from app.accounts import open_accounts
from app.adapters.worker_log import log_files
from app.core.balance_notification_service import BalanceNotificationService
from app.credits import Credit
from app.factory import create_app
from app.money import Currency
from app.settings import Settings
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.stage import Stage
from shim.report import read_logs
from tests.notifications.doubles import ConnectionDouble
from tests.patience import PATIENCE_S


class Whole:
    """A started application with one user and that user's one page."""

    user = 7

    def __init__(self, settings):
        self.settings = settings
        self.parts = create_app(settings).extensions["parts"]
        with self.parts.database.transaction() as session:
            open_accounts(session, [self.user])
        self.parts.runtime.start()
        self.page = ConnectionDouble("page")
        BalanceNotificationService.get_instance().register_connection(self.user, self.page)
        self.until(lambda: self.page.base_version is not None)

    def until(self, condition):
        """Wait for a condition; fail if it does not come."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "the condition never came"
            time.sleep(0.002)

    def flags(self, *, canonical, shadow):
        """Set both flags and wait until they are followed."""
        self.parts.flag_admin.set_percentage(CANONICAL_FLAG, canonical)
        change = self.parts.flag_admin.set_percentage(SHADOW_FLAG, shadow)
        self.until(lambda: self.parts.migration.table.flags.revision == change.revision)

    def farm(self, amount):
        """Book a farming reward and wait until no side has anything to say of it."""
        episodes = self.parts.shadowing.counts.episodes
        credit = Credit(
            user_id=self.user,
            currency=Currency.UNI,
            amount=Decimal(amount),
            source="UNI_farming_income",
            idempotency_key=secrets.token_hex(8),
        )
        self.parts.processor.process([credit])
        self.until(lambda: self.parts.shadowing.counts.episodes == episodes + 1)
        self.until(self.settled)

    def settled(self):
        """Whether every episode has been judged."""
        comparisons = self.parts.shadowing.counts.snapshot()["comparisons"]
        judged = [numbers["compared"] + numbers["not_compared"] for numbers in comparisons.values()]
        return judged == [self.parts.shadowing.counts.episodes] * len(judged)


@pytest.fixture
def whole(database_url, tmp_path):
    """Return a started application, stopped at the end."""
    one = Whole(
        Settings(
            instance_path=tmp_path,
            database_url=database_url,
            schedulers=False,
            shadow_cpu_percent=100,
            log_user_ids="plain",
        )
    )
    yield one
    one.parts.runtime.stop()


def test_a_page_follows_by_the_stage_and_the_evidence_says_so(whole):
    """Shadow: it stands still. Complete: it moves. Rolled back: still, and still compared."""
    whole.flags(canonical=0, shadow=100)
    whole.farm("1.000001")
    assert whole.page.begun == []
    whole.flags(canonical=100, shadow=100)
    whole.until(lambda: whole.page.begun)  # what the page missed is sent at the flip
    whole.farm("2")
    first, second = whole.page.begun
    assert (first.version, first.change_uni) == (1, Decimal("1.000001"))
    assert (second.version, second.uni) == (2, Decimal("3.000001"))
    assert second.change_uni == Decimal("2")
    KillSwitch([FileLatchStore(whole.settings.latch_file)]).engage(who="test", why="a rollback")
    whole.until(lambda: whole.parts.stage() is Stage.ROLLED_BACK)
    whole.farm("3")
    assert len(whole.page.begun) == 2
    whole.parts.runtime.stop()
    report = read_logs(path for path, *_ in log_files(whole.settings.log_path))
    numbers = {name: (t.compared, t.known, t.mismatched) for name, t in report.comparisons.items()}
    assert numbers == {"reach": (3, 3, 0), "truth": (3, 0, 0), "saying": (3, 0, 0)}
    assert report.damaged == 0
