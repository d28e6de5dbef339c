"""What servers and the `flask` command load."""

import os
import sys

from app.command_settings import is_command, settings_for
from app.reader import create_reader, reads_only
from app.settings import SettingsError
from app.terminal import clean, open_standard_streams

os.umask(os.umask(0o077) | 0o002)  # whatever it was, others may write nothing that we make

open_standard_streams()
try:
    settings, problems = settings_for(sys.argv)
    if reads_only(sys.argv):
        app = create_reader(settings)
    else:
        # Not above: what a reading command does not need takes half of its memory.
        from app.factory import create_app

        app = create_app(settings, problems=problems, makes_folder=not is_command(sys.argv))
except SettingsError as error:
    sys.exit(clean(f"The settings cannot be used:\n{error}"))
