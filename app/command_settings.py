"""What a command does about settings that are wrong.

A service does not start with them, and most commands do not either. The way back is never
refused because of a setting that it does not need: what is wrong is said after it was done.
"""

from collections.abc import Sequence
from pathlib import Path

from flask import current_app

from app.instances import refuse_strange_instance
from app.settings import Settings, SettingsError

GROUPS = ("rollout", "shadow", "unleash", "demo")
WAYS_BACK = (
    ("rollout", "rollback"),
    ("rollout", "off"),
    ("rollout", "set"),
    ("rollout", "shadow"),
    ("rollout", "cohort", "remove"),
)
"""Commands that can take users away from the canonical. `set` asks again before it raises."""

OF_AN_INSTANCE = (("rollout",), ("shadow", "known"), ("shadow", "ledger"))
"""Commands that say or change what an instance is at, so there must be one."""

WHERE = frozenset({"SHIM_INSTANCE"})
"""Without it nobody knows where the kill switch is."""
OF_OTHER_HOSTS = frozenset({"DATABASE_URL", "NOTIFY_BUS_URL", "SHIM_SECRET_KEY", "SHIM_HOST_NAME"})
"""Without one of these the workers of other hosts are neither told nor seen."""
OF_FLAGS = frozenset({"UNLEASH_URL", "UNLEASH_CLIENT_TOKEN", "UNLEASH_ADMIN_TOKEN"})
"""Without one of these the flags may be kept somewhere else."""

KEPT = "settings problems"
"""Where the application keeps what is wrong."""


def is_flask(arguments: Sequence[str]) -> bool:
    """Tell whether a command line, its program first, is one of `flask`."""
    program = Path(next(iter(arguments), ""))
    return "flask" in (program.name, program.parent.name)


def command_words(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command of ours, from its group on; empty if it is none."""
    rest = tuple(arguments[1:]) if is_flask(arguments) else ()
    begins = next((place for place, word in enumerate(rest) if word in GROUPS), len(rest))
    return rest[begins:]


def is_command(arguments: Sequence[str]) -> bool:
    """Tell whether a command line only looks at an instance, or orders something of it."""
    words = command_words(arguments)
    if words:
        return words[:1] != ("demo",) and words[:2] != ("unleash", "setup")
    return is_flask(arguments) and "run" not in arguments


def settings_for(arguments: Sequence[str]) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings for a command line, and what is wrong with those it does not need.

    Raises SettingsError, with every problem at once, unless the command is a way back; and for a
    command on an instance that was never served.
    """
    settings, problems = Settings.read()
    if problems and (not _is_way_back(arguments) or _of(WHERE, problems)):
        raise SettingsError("\n".join(problems))
    words = command_words(arguments)
    if "--help" not in words and any(words[: len(each)] == each for each in OF_AN_INSTANCE):
        refuse_strange_instance(settings)
    return settings, problems


def settings_problems() -> tuple[str, ...]:
    """Return what is wrong with the settings of the present command."""
    kept: tuple[str, ...] = current_app.extensions.get(KEPT, ())
    return kept


def blind_by_settings() -> str:
    """Return what keeps this command from the workers of other hosts, empty if nothing does."""
    return "; ".join(_of(OF_OTHER_HOSTS, settings_problems()))


def refuse_to_turn() -> None:
    """Raise SettingsError if it is not sure where the flags are."""
    _refuse(_of(OF_OTHER_HOSTS | OF_FLAGS, settings_problems()))


def refuse_to_raise() -> None:
    """Raise SettingsError if any setting is wrong: nobody is moved up over that."""
    _refuse(settings_problems())


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise SettingsError("nothing was changed: " + "; ".join(problems))


def _of(names: frozenset[str], problems: Sequence[str]) -> list[str]:
    return [problem for problem in problems if problem.partition(" ")[0] in names]


def _is_way_back(arguments: Sequence[str]) -> bool:
    words = command_words(arguments)
    return any(words[: len(each)] == each for each in WAYS_BACK)
