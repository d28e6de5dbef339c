"""What the commands of the guard and the ramp must have done."""

from flags.decision import CANONICAL_FLAG
from tests.docs.demonstration import Demonstration, Done
from tests.docs.effects import pages_follow, succeeded


def shows_the_plan(_: Demonstration, done: Done) -> None:
    """Expect every step, what is missing for the next, and what the guard says."""
    succeeded(done)
    for step in (1, 5, 10, 25, 50, 100):
        assert f"{step:>4} %  " in done.stdout, done.said
    assert "missing    time: " in done.stdout, done.said
    assert "\nguard      " in done.stdout, done.said


def says_what_is_missing(live: Demonstration, done: Done) -> None:
    """Expect exit code 1, the numbers that a demonstration of minutes lacks, and nothing moved."""
    assert done.exit_code == 1, done.said
    assert "not advanced from 1 % to 5 %: " in done.stderr, done.said
    assert "time: " in done.stderr, done.said
    assert live.flag(CANONICAL_FLAG).percentage == 1
    assert live.reasons.pop() == "step 5"  # what was not done is not in the history


def says_what_is_in_the_way(_: Demonstration, done: Done) -> None:
    """Expect exit code 1, for the demonstration is at 1 %, and who calls by the old paths."""
    assert done.exit_code == 1, done.said
    assert "in the way  the stage is ramp: " in done.stdout, done.said
    assert "caller      batch_balance_processor calls by an old path: " in done.stdout, done.said


def practised(live: Demonstration, done: Done) -> None:
    """Expect a trip, every worker, and the same users served as before."""
    succeeded(done)
    assert "the drill went well: tripped after " in done.stdout, done.said
    assert live.get("/readyz")["stage"] == "ramp", done.said
    assert "  drill: rolled_back -> ramp: tripped after" in live.flask("rollout", "history").stdout
    pages_follow(live)
