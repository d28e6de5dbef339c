"""The key that sessions and hints are signed with: given, or kept beside the flags."""

from dataclasses import replace

import pytest

from app.secret import signing_key
from app.settings import Settings

KEY = "0123456789abcdef" * 2


def test_the_key_that_is_set_is_the_key(settings: Settings) -> None:
    """Then no file is made, and every host has the same."""
    assert signing_key(replace(settings, secret_key=KEY)) == KEY.encode()
    assert not settings.secret_file.exists()


def test_without_one_all_workers_of_the_folder_share_one_of_their_own(settings: Settings) -> None:
    """It holds over restarts, is long, and nobody else may read it."""
    key = signing_key(settings)
    assert signing_key(settings) == key
    assert len(key) == 32
    assert settings.secret_file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_was_cut_short_is_refused(settings: Settings) -> None:
    """A short key could be guessed: better not to start."""
    settings.secret_file.write_bytes(b"short")
    with pytest.raises(OSError, match="holds 5 bytes instead of 32: put the key back"):
        signing_key(settings)
