"""What servers and the `flask` command load."""

import sys

from app.factory import create_app
from app.settings import SettingsError

try:
    app = create_app()
except SettingsError as error:
    sys.exit(f"The settings cannot be used:\n{error}")
