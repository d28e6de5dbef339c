"""A few connections to the shared database, for what must not wait behind bookings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.database_errors import named_error
from app.engines import parse_url, prompt_engine


class SharedSql:
    """Short transactions on a PostgreSQL. May be used from any thread.

    Connections are opened on first use, thus after a fork.
    """

    def __init__(self, url: str, *, instance_path: Path) -> None:
        self._url = parse_url(url, instance_path=instance_path)
        self._engine = prompt_engine(self._url)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection; commit at the end. Raises `DatabaseUnavailable`."""
        pool = self._engine.pool
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise named_error(error, self._url) from error
        finally:
            if self._engine.pool is not pool:
                pool.dispose()  # closed meanwhile: what came back late is closed, too

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()
