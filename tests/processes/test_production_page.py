"""Production's own page, while workers come and go."""

import signal
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from app.database import Database
from app.web.readings import account_of
from tests.application import until
from tests.processes.gunicorn import Gunicorn
from tests.processes.page import reward
from tests.production_page import ProductionPage

pytestmark = pytest.mark.processes

USERS = (10, 22, 74)
ENVIRON = {"SHIM_DEMO": "1", "SHIM_ADMISSION": "report-only", "SHIM_SWEEP_INTERVAL_S": "0.5"}


def test_it_is_told_after_a_restart_what_it_missed(tmp_path: Path) -> None:
    """Also if another worker is there when it is back, and nobody was when it was paid."""
    gunicorn = Gunicorn(tmp_path, workers=2, environ=ENVIRON)
    assert gunicorn.flask("demo", "prepare").exit_code == 0
    assert gunicorn.flask("rollout", "set", "100", "--force", "--reason", "a leap").exit_code == 0
    database = Database(gunicorn.settings.database_url, instance_path=tmp_path)

    def uni_of(user: int) -> Decimal:
        with database.reading() as session:
            account = account_of(session, user)
            assert account is not None
            return account.uni

    def settled() -> bool:
        return all(page.connected and page.shown == uni_of(page.user) for page in pages)

    with ExitStack() as stack:
        stack.callback(database.dispose)
        stack.enter_context(gunicorn)
        pages = [
            stack.enter_context(
                ProductionPage(
                    gunicorn.url, user, lambda user=user: uni_of(user), read_s=0.3, back_s=0.5
                )
            )
            for user in USERS * 2
        ]
        until(lambda: all(page.connected for page in pages))
        for user in USERS:
            reward(gunicorn.url, user)
        until(settled)

        (one, _) = gunicorn.live()
        gunicorn.signal(signal.SIGTERM, worker=one)
        for user in USERS:
            reward(gunicorn.url, user)
        until(lambda: one not in gunicorn.views() and len(gunicorn.live()) == 2)
        until(settled)

        gunicorn.stop()
        until(lambda: not any(page.connected for page in pages))
        other = Gunicorn(tmp_path, workers=1, environ=ENVIRON)
        with other:
            for user in USERS:
                reward(other.url, user)
        gunicorn.__enter__()
        until(settled)
        assert not any(page.plus_zero for page in pages)
        assert {code for page in pages for code in page.codes} <= {1006, 1012}
        assert all(page.reads for page in pages)
