"""Four real gunicorn workers with `--preload`: what one command says reaches all of them."""

import os
import re
import signal
from collections.abc import Iterator

import pytest
from click.testing import Result

from flags.body import flag_body, flag_feature
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.files import replace_file
from tests.application import until
from tests.processes.gunicorn import Gunicorn

pytestmark = pytest.mark.processes

WITHIN_10 = 10
"""A user of the demonstration with bucket 7."""
BEYOND_50 = 33
"""A user of the demonstration with bucket 91."""


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """Serve with four workers; one start for the tests of this file."""
    gunicorn = Gunicorn(tmp_path_factory.mktemp("four"), workers=4)
    assert gunicorn.flask("demo", "prepare").exit_code == 0
    with gunicorn:
        yield gunicorn


@pytest.fixture
def workers(four: Gunicorn) -> Gunicorn:
    """Return the four at stage off, whatever the test before left behind."""
    until(lambda: len(four.live()) == 4)
    if four.get("/readyz")[1]["stage"] == "rolled_back":
        assert four.flask("rollout", "resume", "--reason", "the next test").exit_code == 0
    assert four.flask("rollout", "off").exit_code == 0
    return four


def confirmed(result: Result) -> dict[int, int]:
    """Return the milliseconds of each worker that a command named as confirmed."""
    found = re.findall(r"^  worker (\d+) confirmed after (\d+) ms$", result.stdout, re.MULTILINE)
    return {int(pid): int(milliseconds) for pid, milliseconds in found}


def sides(gunicorn: Gunicorn, user: int) -> list[str]:
    """Return the side on which each worker has the user."""
    return [answer["side"] for answer in gunicorn.why(user).values()]


def test_the_start_says_what_several_workers_without_a_bus_do_not_do(workers: Gunicorn) -> None:
    """Whoever serves with four is told that other workers' browsers hear of a booking later."""
    assert (
        "4 workers and no bus: what one books reaches the browsers of the others with the next"
        " sweep, up to 5 s later; set NOTIFY_BUS_URL, or serve with one worker"
    ) in workers.output
    assert "nobody can sign in: set SHIM_BOT_TOKEN" in workers.output
    assert "Traceback" not in workers.output


def test_each_worker_was_started_after_its_fork(workers: Gunicorn) -> None:
    """All four are processes of their own and ready: nothing came from before the fork."""
    assert len(workers.live()) == 4
    assert workers.get("/readyz") == (200, {"status": "ready", "problems": [], "stage": "off"})
    assert len({view.record.started_at for view in workers.views().values()}) == 4


def test_a_percentage_reaches_all_four(workers: Gunicorn) -> None:
    """Each is named with its milliseconds, and the very next answer of each follows it."""
    result = workers.flask("rollout", "set", "50", "--force", "--reason", "a leap")
    assert result.exit_code == 0, result.output
    assert set(confirmed(result)) == workers.live()
    assert sides(workers, WITHIN_10) == ["canonical"] * 4
    assert sides(workers, BEYOND_50) == ["legacy"] * 4


def test_a_rollback_reaches_all_four_before_it_returns(workers: Gunicorn) -> None:
    """Each is named with its milliseconds; from then on no worker serves the canonical."""
    assert workers.flask("rollout", "set", "100", "--force", "--reason", "a leap").exit_code == 0
    assert sides(workers, WITHIN_10) == ["canonical"] * 4
    result = workers.flask("rollout", "rollback", "--by", "ann", "--reason", "a test")
    answers = workers.why(WITHIN_10)
    assert result.exit_code == 0, result.output
    assert set(confirmed(result)) == set(answers) == workers.live()
    assert {(answer["side"], answer["reason"]) for answer in answers.values()} == {
        ("legacy", "rolled_back")
    }
    assert {answer["latch"]["who"] for answer in answers.values()} == {"ann"}


def test_a_flag_file_that_was_replaced_is_applied_by_all_four(workers: Gunicorn) -> None:
    """A rename by whatever tool, without the command line, is seen by every worker."""
    percentages = {CANONICAL_FLAG: 100, SHADOW_FLAG: 0}
    features = [flag_feature(flag, percentage=each) for flag, each in percentages.items()]
    replace_file(workers.settings.flag_file, flag_body(1_000_000, features))
    until(lambda: {v.record.revision for v in workers.views().values()} == {1_000_000})
    assert sides(workers, BEYOND_50) == ["canonical"] * 4


def test_a_bad_flag_file_changes_nothing_in_any_worker(workers: Gunicorn) -> None:
    """The last good flags go on everywhere, stale, until the file is good again."""
    assert workers.flask("rollout", "set", "100", "--force", "--reason", "a leap").exit_code == 0
    good = workers.settings.flag_file.read_text()
    replace_file(workers.settings.flag_file, "<html>busy</html>")
    until(lambda: all(a["flags_stale"] for a in workers.why(WITHIN_10).values()))
    assert sides(workers, WITHIN_10) == ["canonical"] * 4
    assert workers.get("/readyz")[1]["status"] == "degraded"
    replace_file(workers.settings.flag_file, good)
    until(lambda: not any(a["flags_stale"] for a in workers.why(WITHIN_10).values()))


def test_a_stopped_worker_is_named_as_unconfirmed(workers: Gunicorn) -> None:
    """The three others confirm, the exit code is 1, and the stopped one follows once it runs."""
    assert workers.flask("rollout", "set", "100", "--force", "--reason", "a leap").exit_code == 0
    pids = workers.live()
    stopped = max(pids)
    os.kill(stopped, signal.SIGSTOP)
    try:
        result = workers.flask("rollout", "rollback")
        assert result.exit_code == 1, result.output
        assert set(confirmed(result)) == pids - {stopped}
        assert f"worker {stopped} has not confirmed" in result.stderr
        assert f"kill -CONT {stopped}" in result.stderr
    finally:
        os.kill(stopped, signal.SIGCONT)
    until(lambda: workers.live() == pids)
    again = workers.flask("rollout", "rollback")
    assert again.exit_code == 0, again.output
    assert set(confirmed(again)) == pids
    assert sides(workers, WITHIN_10) == ["legacy"] * 4


def test_a_worker_that_takes_the_place_of_a_killed_one_follows_the_latch(
    workers: Gunicorn,
) -> None:
    """It starts rolled back: nobody has to tell it."""
    assert workers.flask("rollout", "set", "100", "--force", "--reason", "a leap").exit_code == 0
    assert workers.flask("rollout", "rollback").exit_code == 0
    before = workers.live()
    os.kill(max(before), signal.SIGKILL)
    until(lambda: len(workers.live() - before) == 1 and len(workers.live()) == 4)
    answers = workers.why(WITHIN_10)
    assert set(answers) == workers.live()
    assert {answer["reason"] for answer in answers.values()} == {"rolled_back"}


def test_the_shadow_log_of_four_workers_is_whole(workers: Gunicorn) -> None:
    """Each of the four writes counts into a file of its own, and no line is damaged."""

    def told() -> str:
        return workers.flask("shadow", "report").output

    whole = r"\d+ lines of [4-9] workers, 0 damaged, 0 of another version\n"
    until(lambda: re.match(whole, told()))
