"""Clients of Redis that give up soon, and listeners that notice when it hangs."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

TIMEOUT_S = 0.2
HEALTH_CHECK_S = 5
"""A listener that heard nothing for so long asks Redis at each look whether it is there."""
UNANSWERED = 8
"""So many of these questions without an answer, and the listener must connect anew."""


def prompt_client(url: str) -> redis.Redis:
    """Return a client that gives up after 200 ms, and tries nothing twice by itself."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=HEALTH_CHECK_S,
    )


def next_message(subscription: PubSub, *, timeout: float) -> dict[str, Any] | None:
    """Return what was heard within `timeout` seconds, None if nothing was.

    Raises `redis.TimeoutError` when Redis takes our questions and answers none: a listener on
    such a connection would be deaf for good, and without an error.
    """
    message: dict[str, Any] | None = subscription.get_message(timeout=timeout)
    if message is None and subscription.health_check_response_counter > UNANSWERED:
        raise redis.TimeoutError("it does not answer: connect anew")
    return message
