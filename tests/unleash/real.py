"""A real Unleash server for tests.

One that is missing fails the tests where CI is set, and skips them elsewhere.
"""

from pathlib import Path

from scripts import unleash_server
from scripts.unleash_server import ADMIN_TOKEN, CLIENT_TOKEN, UnleashServer, node_database_url
from tests.servers import present

__all__ = ["ADMIN_TOKEN", "CLIENT_TOKEN", "UnleashServer", "node_database_url", "unleash_programs"]


def unleash_programs() -> tuple[Path, Path]:
    """Return Node and the folder of the server; without them, skip, or fail where CI is set."""
    return present(unleash_server.unleash_programs)
