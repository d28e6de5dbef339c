"""What the commands for Unleash say where Unleash is not used, as in the demonstration.

What they do to a real server is tested in tests/unleash.
"""

from tests.docs.demonstration import Demonstration, Done


def cannot_look(_: Demonstration, done: Done) -> None:
    """Expect exit code 3, and the settings that are missing."""
    assert done.exit_code == 3, done.said
    assert "Unleash is not used here: set UNLEASH_URL" in done.stderr, done.said


def nothing_is_held(_: Demonstration, done: Done) -> None:
    """Expect exit code 1: whoever may write the flag file may move users."""
    assert done.exit_code == 1, done.said
    assert "nothing of balance-notifications is held back" in done.stderr, done.said
