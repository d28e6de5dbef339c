"""What servers and the `flask` command load."""

import sys

from app.reader import create_reader, reads_only
from app.settings import SettingsError

try:
    if reads_only(sys.argv):
        app = create_reader()
    else:
        # Not above: what a reading command does not need takes half of its memory.
        from app.factory import create_app

        app = create_app()
except SettingsError as error:
    sys.exit(f"The settings cannot be used:\n{error}")
