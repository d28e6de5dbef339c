"""The servers of a real deployment, for the length of a benchmark."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.servers import PostgresServer, RedisServer, postgres_package, redis_program


@contextmanager
def servers() -> Iterator[tuple[RedisServer, PostgresServer, dict[str, str]]]:
    """Start a Redis and a PostgreSQL, and yield them with the settings that name them."""
    redis, postgres = RedisServer(redis_program()), PostgresServer(postgres_package())
    try:
        redis.start()
        postgres.start()
        yield (
            redis,
            postgres,
            {
                "NOTIFY_BUS_URL": redis.url,
                "DATABASE_URL": postgres.url(postgres.create_database()),
                "SHIM_SECRET_KEY": secrets.token_hex(),
            },
        )
    finally:
        redis.stop()
        postgres.stop()
