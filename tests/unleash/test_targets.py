"""What the flags are meant to be: one contract, over the file and over both databases."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.adapters.prompt_targets import PromptTargets
from app.adapters.targets import SqlTargets
from app.database import Database
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.definition import FlagDefinition
from flags.targets import AuthorisedTargets, FileTargets, Standing, TargetsError
from tests.flags.fake_unleash import eventually
from tests.servers import PostgresServer

Open = Callable[[], AuthorisedTargets]


@pytest.fixture(params=["file", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def open_targets(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Yield what opens the same targets again and again, as each process does."""
    if request.param == "file":
        yield lambda: FileTargets(tmp_path / "targets.json")
        return
    url = request.getfixturevalue(f"{request.param}_url")
    opened: list[Database] = []

    def open_targets() -> AuthorisedTargets:
        opened.append(Database(url, instance_path=tmp_path))
        return PromptTargets(SqlTargets(opened[-1]))

    yield open_targets
    for each in opened:
        each.dispose()


def flag(percentage: int, *, name: str = CANONICAL_FLAG) -> FlagDefinition:
    """Return a flag at a percentage, with a user by name."""
    return FlagDefinition(name, True, percentage, frozenset({7, 2**53 - 1}), name)


def test_nothing_is_known_at_first(open_targets: Open) -> None:
    """An empty store says nothing, and reading makes nothing."""
    assert open_targets().read(CANONICAL_FLAG) == Standing()


def test_what_one_process_writes_another_one_reads(open_targets: Open) -> None:
    """Wishes and what is followed are kept side by side, for each flag."""
    one, other = open_targets(), open_targets()
    one.authorise(flag(50))
    one.confirm(flag(5), revision=7)
    one.confirm(flag(100, name=SHADOW_FLAG), revision=7)
    assert other.read(CANONICAL_FLAG) == Standing(flag(5), 7, flag(50))
    assert other.read(SHADOW_FLAG).confirmed == flag(100, name=SHADOW_FLAG)


def test_a_wish_that_came_true_is_a_wish_no_more(open_targets: Open) -> None:
    """Whoever turns the flag there once more after it was lowered needs a new one."""
    targets = open_targets()
    targets.authorise(flag(50))
    targets.confirm(flag(50), revision=8)
    assert targets.read(CANONICAL_FLAG) == Standing(flag(50), 8)


def test_the_newest_revision_wins_unless_the_server_was_restored(open_targets: Open) -> None:
    """A worker that is behind overwrites nothing; one that believes a restored server does."""
    targets = open_targets()
    targets.confirm(flag(5), revision=8)
    targets.confirm(flag(50), revision=7)
    assert targets.read(CANONICAL_FLAG) == Standing(flag(5), 8)
    targets.confirm(flag(1), revision=3, restored=True)
    assert targets.read(CANONICAL_FLAG) == Standing(flag(1), 3)


def test_a_wish_is_taken_back_only_if_it_is_still_the_one(open_targets: Open) -> None:
    """Somebody else's newer wish survives a command that failed."""
    targets = open_targets()
    targets.authorise(flag(50))
    targets.authorise(flag(25))
    targets.revoke(flag(50))
    assert targets.read(CANONICAL_FLAG).authorised == flag(25)
    targets.revoke(flag(25))
    assert targets.read(CANONICAL_FLAG) == Standing()


def test_writers_at_once_lose_nothing(open_targets: Open) -> None:
    """Eight write revisions in any order: the highest is there, and so is the wish."""
    each = [open_targets() for _ in range(8)]

    def write(number: int) -> None:
        each[number].confirm(flag(number), revision=number + 1)

    each[0].authorise(flag(99))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert each[0].read(CANONICAL_FLAG) == Standing(flag(7), 8, flag(99))


@pytest.mark.parametrize(
    "content", ["[", "[]", '{"balance-notifications-canonical": 5}', '{"a": {"revision": "x"}}']
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    """Neither a damaged file is taken for an empty one, nor is it overwritten."""
    path = tmp_path / "targets.json"
    path.write_text(content)
    for act in (
        lambda: FileTargets(path).read(CANONICAL_FLAG),
        lambda: FileTargets(path).authorise(flag(5)),
    ):
        with pytest.raises(TargetsError, match=r"targets\.json cannot be"):
            act()
    assert path.read_text() == content


def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    """The way up then waits; the error says what to look at."""
    away = Database("postgresql://postgres@/none?host=/nowhere", instance_path=tmp_path)
    with pytest.raises(TargetsError, match="the authorised targets cannot be read"):
        SqlTargets(away).read(CANONICAL_FLAG)
    away.dispose()


@pytest.mark.postgres
def test_a_database_that_hangs_is_said_at_once_and_used_again_when_it_is_back(
    own_postgres: PostgresServer,
    tmp_path: Path,
) -> None:
    """The first call gives up in time, the next ones do not even wait; then all is as before."""
    url = own_postgres.url(own_postgres.create_database())
    hanging = Database(url, instance_path=tmp_path)
    hanging.upgrade()
    targets = PromptTargets(SqlTargets(hanging), wait_s=0.3)
    targets.confirm(flag(5), revision=7)
    own_postgres.freeze()
    try:
        for _ in range(3):
            with pytest.raises(TargetsError, match="do not answer within"):
                targets.read(CANONICAL_FLAG)
    finally:
        own_postgres.thaw()
    eventually(lambda: answers(targets))
    assert targets.read(CANONICAL_FLAG) == Standing(flag(5), 7)
    hanging.dispose()


def answers(targets: AuthorisedTargets) -> bool:
    """Tell whether the store can be read."""
    try:
        targets.read(CANONICAL_FLAG)
    except TargetsError:
        return False
    return True
