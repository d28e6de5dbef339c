"""Clients of Redis that give up soon."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_S = 0.2
HEALTH_CHECK_S = 5
"""A listener that heard nothing for so long asks Redis at each look whether it is there."""


def prompt_client(url: str) -> redis.Redis:
    """Return a client that gives up after 200 ms, and tries nothing twice by itself."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=HEALTH_CHECK_S,
    )
