"""What an operator does to the flag file, and what it never does to it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flags.admin import EmbeddedAdmin, FlagAdminError, FlagChange
from flags.body import flag_body, flag_feature
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.definition import FlagDefinition
from flags.embedded import EmbeddedProvider, ensure_flag_file
from flags.files import locked
from flags.percentage import InvalidPercentageError
from flags.user_id import InvalidUserIdError
from tests.flags.bodies import good_body


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the flag file of a first run."""
    path = tmp_path / "flags.json"
    ensure_flag_file(path)
    return path


@pytest.fixture
def admin(path: Path) -> EmbeddedAdmin:
    """Return the admin of that file."""
    return EmbeddedAdmin(path)


def in_use(path: Path, flag: str = CANONICAL_FLAG) -> FlagDefinition:
    """Return the flag as a provider reads it."""
    provider = EmbeddedProvider(path)
    provider.poll()
    assert provider.problem is None
    definition = provider.state.definition(flag)
    assert definition is not None
    return definition


def test_a_percentage_is_written_with_the_next_revision(path: Path, admin: EmbeddedAdmin) -> None:
    """The change tells both sides of it, and a provider reads what it tells."""
    change = admin.set_percentage(CANONICAL_FLAG, 25)
    assert (change.before.percentage, change.after.percentage, change.revision) == (0, 25, 2)
    assert in_use(path) == change.after
    assert change.written_at == pytest.approx(path.stat().st_mtime, abs=0.5)


def test_flags_do_not_touch_each_other(path: Path, admin: EmbeddedAdmin) -> None:
    """Setting one flag leaves the other as it was."""
    admin.set_percentage(SHADOW_FLAG, 100)
    admin.set_percentage(CANONICAL_FLAG, 5)
    assert in_use(path, SHADOW_FLAG).percentage == 100
    assert in_use(path).percentage == 5


def test_off_reaches_nobody_and_forgets_nothing(path: Path, admin: EmbeddedAdmin) -> None:
    """After off nobody is reached; the next percentage finds its cohort again."""
    admin.set_percentage(CANONICAL_FLAG, 25)
    admin.cohort_add(CANONICAL_FLAG, 7)
    assert admin.switch_off(CANONICAL_FLAG).after.reaches_nobody
    assert in_use(path).reaches_nobody
    assert admin.cohort(CANONICAL_FLAG) == (7,)
    admin.set_percentage(CANONICAL_FLAG, 0)
    assert in_use(path).reaches(7)


def test_a_cohort_is_added_to_and_taken_from(path: Path, admin: EmbeddedAdmin) -> None:
    """Users come and go by name; twice is once, and the percentage stays."""
    admin.set_percentage(CANONICAL_FLAG, 1)
    for user_id in (9, 7, 9):
        admin.cohort_add(CANONICAL_FLAG, user_id)
    assert admin.cohort(CANONICAL_FLAG) == (7, 9)
    assert in_use(path).cohort == {7, 9}
    admin.cohort_remove(CANONICAL_FLAG, 7)
    admin.cohort_remove(CANONICAL_FLAG, 1234)
    admin.cohort_remove(CANONICAL_FLAG, 9)
    assert (in_use(path).cohort, in_use(path).percentage) == (frozenset(), 1)


def test_a_cohort_user_of_a_flag_that_is_off_is_not_reached(
    path: Path, admin: EmbeddedAdmin
) -> None:
    """Naming a user switches nothing on."""
    admin.switch_off(CANONICAL_FLAG)
    admin.cohort_add(CANONICAL_FLAG, 7)
    assert not in_use(path).reaches(7)


def test_the_first_change_makes_the_file(tmp_path: Path) -> None:
    """Without a file the admin starts from what the first run would have made."""
    path = tmp_path / "instance" / "flags.json"
    EmbeddedAdmin(path).set_percentage(SHADOW_FLAG, 100)
    assert in_use(path, SHADOW_FLAG).percentage == 100
    assert in_use(path).reaches_nobody


def test_what_it_does_not_know_is_kept(path: Path, admin: EmbeddedAdmin) -> None:
    """Flags of others, unknown fields and the own group id survive a change."""
    other = {"name": "somebody-elses", "enabled": True, "strategies": [{"name": "default"}]}
    mine = flag_feature(CANONICAL_FLAG, percentage=3, group_id="a-group")
    path.write_text(flag_body(8, [other, {**mine, "description": "the rollout"}]))
    admin.set_percentage(CANONICAL_FLAG, 4)
    body = json.loads(path.read_text())
    assert body["features"][0] == other
    assert body["features"][1]["description"] == "the rollout"
    assert body["meta"]["revisionId"] == 9
    assert in_use(path).group_id == "a-group"


def test_an_archived_flag_is_made_anew(path: Path, admin: EmbeddedAdmin) -> None:
    """Setting a flag that the file does not have adds it."""
    path.write_text('{"version": 2, "features": []}')
    change = admin.set_percentage(CANONICAL_FLAG, 10)
    assert (change.before.enabled, change.after.percentage, change.revision) == (False, 10, 1)
    assert in_use(path).percentage == 10


@pytest.mark.parametrize("percentage", [-1, 101, True, 2.5])
def test_a_silly_percentage_is_refused_before_anything_is_touched(
    path: Path, admin: EmbeddedAdmin, percentage: int
) -> None:
    """The file is the same, and the error shows the value."""
    before = path.read_text()
    with pytest.raises(InvalidPercentageError, match=str(percentage)):
        admin.set_percentage(CANONICAL_FLAG, percentage)
    assert path.read_text() == before


def test_nobody_is_never_put_into_a_cohort(path: Path, admin: EmbeddedAdmin) -> None:
    """A user id that is none is refused, and the file is the same."""
    before = path.read_text()
    with pytest.raises(InvalidUserIdError, match="0 is not a user id"):
        admin.cohort_add(CANONICAL_FLAG, 0)
    assert path.read_text() == before


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"<html>"])
def test_a_broken_file_is_not_overwritten(path: Path, content: bytes) -> None:
    """What somebody half wrote is left for them, and the error says what to do."""
    path.write_bytes(content)
    admin = EmbeddedAdmin(path)
    for act in (
        lambda: admin.set_percentage(CANONICAL_FLAG, 5),
        lambda: admin.cohort(CANONICAL_FLAG),
    ):
        with pytest.raises(FlagAdminError, match="nothing was changed: mend the file"):
            act()
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The error names the path and gives the system's reason."""
    with pytest.raises(FlagAdminError, match=r"cannot be changed: .*directory"):
        EmbeddedAdmin(tmp_path).cohort(CANONICAL_FLAG)


def test_a_writer_that_hangs_is_said_and_not_crossed(
    path: Path, admin: EmbeddedAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writers never mix their changes: the second gives up and says why."""
    monkeypatch.setattr("flags.admin.LOCK_TIMEOUT_S", 0.01)
    with locked(path), pytest.raises(FlagAdminError, match="is held by another process"):
        admin.set_percentage(CANONICAL_FLAG, 5)
    assert in_use(path).reaches_nobody


WRITER = """
import sys
from pathlib import Path
from flags.admin import EmbeddedAdmin
admin = EmbeddedAdmin(Path(sys.argv[1]))
for user_id in range(int(sys.argv[2]), int(sys.argv[2]) + 20):
    admin.cohort_add("balance-notifications-canonical", user_id)
"""


def test_no_change_is_lost_between_writers(path: Path, admin: EmbeddedAdmin) -> None:
    """Three processes add twenty users each at once, and all sixty are there."""
    path.write_text(good_body(revision=1))
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(first)], env=environ)
        for first in (100, 200, 300)
    ]
    assert [writer.wait(timeout=240) for writer in writers] == [0, 0, 0]
    expected = {first + step for first in (100, 200, 300) for step in range(20)}
    assert set(admin.cohort(CANONICAL_FLAG)) == expected
    assert json.loads(path.read_text())["meta"]["revisionId"] == 61


def test_a_change_knows_both_sides(admin: EmbeddedAdmin) -> None:
    """What was and what is are whole definitions, so that history can tell them."""
    change = admin.cohort_add(CANONICAL_FLAG, 7)
    assert isinstance(change, FlagChange)
    assert (change.before.cohort, change.after.cohort) == (frozenset(), frozenset({7}))
