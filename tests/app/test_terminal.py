"""What commands print: nothing a terminal obeys, and nothing that an order depends on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.cli_group import Commands
from app.terminal import clean
from flags.embedded import ensure_flag_file

ROOT = Path(__file__).parents[2]
BAD = "\x1b]0;owned\x07\x9b2J\x7f\r\u202eabc\u2066\u200f\u061c\u2028"


def test_control_and_direction_characters_become_their_escapes() -> None:
    """C0, DEL, C1 and what turns the words around; lines, tabs and other scripts stay."""
    assert clean(BAD) == (
        r"\u001b]0;owned\u0007\u009b2J\u007f\u000d\u202eabc\u2066\u200f\u061c\u2028"
    )
    assert clean("баланс\tüber\n漢字 😀 שלום") == "баланс\tüber\n漢字 😀 שלום"


@given(st.text())
def test_a_line_of_json_means_the_same_afterwards(text: str) -> None:
    """What a program reads from a pipe is what was said."""
    line = json.dumps({"why": text}, ensure_ascii=False)
    assert json.loads(clean(line)) == {"why": text}


@click.group(cls=Commands)
def group() -> None:
    """Hold two commands."""


@group.command(with_appcontext=False)
def say() -> None:
    """Print what somebody else wrote, on both streams."""
    click.echo(f"reason: {BAD}")
    click.echo(f"name: {BAD}", err=True)


@group.command(with_appcontext=False)
def fail() -> None:
    """Fail with what somebody else wrote."""
    raise click.ClickException(f"the file {BAD} is gone")


@pytest.mark.parametrize("command", ["say", "fail", BAD])
def test_no_command_prints_them_raw(command: str) -> None:
    """Neither on standard output nor on standard error, nor in what it fails with."""
    done = CliRunner().invoke(group, [command])
    assert done.output
    printed = set(done.output)
    assert not printed & (set(BAD) - set("]0;owned2Jabc"))


@pytest.mark.parametrize("gone", ["/dev/full", "a closed pipe", "a closed descriptor"])
def test_a_rollback_of_which_nobody_hears_is_done_and_keeps_its_exit_code(
    tmp_path: Path, gone: str
) -> None:
    """As in `flask rollout rollback | head -0`, or with a full disk behind it."""
    ensure_flag_file(tmp_path / "flags.json")
    unread, pipe = os.pipe()
    os.close(unread)
    output = os.open("/dev/full", os.O_WRONLY) if gone == "/dev/full" else pipe
    command = [sys.executable, "-m", "flask", "rollout", "rollback", "--reason", "x"]
    if gone == "a closed descriptor":
        command = ["sh", "-c", 'exec "$0" "$@" >&- 2>&-', *command]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "FLASK_APP": "wsgi:app",
            "SHIM_INSTANCE": str(tmp_path),
        },
        stdout=output,
        stderr=output,
        timeout=240,
        check=False,
    )
    assert done.returncode == 3, "there is no worker"
    assert json.loads((tmp_path / "latch.json").read_text())["engaged"]
    os.close(pipe)
