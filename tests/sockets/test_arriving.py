"""When a request is whole: decided from its bytes, however they come in."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.arriving import BODY_BYTES, HEAD_BYTES, Arriving, CannotArriveError

HEAD = b"POST /x HTTP/1.1\r\nHost: x\r\n"
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD + b"Content-Length: 5\r\n\r\nab\r\n\r",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    HEAD + b"content-length: 0\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
)


@given(
    st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=4),
    st.lists(st.integers(1, 40), max_size=60),
)
def test_however_the_bytes_are_cut_the_same_requests_come_out(
    requests: list[bytes], cuts: list[int]
) -> None:
    """Whole ones, one after the other, none before its last byte is there."""
    arriving, stream, found = Arriving(), b"".join(requests), []
    for size in [*cuts, len(stream)]:
        part, stream = stream[:size], stream[size:]
        whole = arriving.take(part)
        while whole is not None:
            found.append(whole)
            whole = arriving.take()
    assert found == requests
    assert len(arriving) == 0
    assert not arriving.is_broken


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00" * 10 + b"\r\n",
        HEAD + b"Content-Length: x\r\n\r\nab",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    ],
    ids=["no HTTP", "no length", "two lengths", "no chunk", "another coding"],
)
def test_what_cannot_be_read_is_handed_on_and_is_the_last(data: bytes) -> None:
    """The server's parser says what is wrong; nobody knows where a next request would begin."""
    arriving = Arriving()
    assert arriving.take(data) == data
    assert arriving.is_broken


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"y" * HEAD_BYTES, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        (
            HEAD + b"Content-Length: 9999999\r\n\r\n" + b"x" * (HEAD_BYTES + BODY_BYTES),
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 60_000,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ),
    ],
    ids=["head", "body", "chunks"],
)
def test_what_is_too_long_is_not_waited_for(data: bytes, status: HTTPStatus) -> None:
    """Memory is bounded, whatever a request claims."""
    arriving = Arriving()
    with pytest.raises(CannotArriveError) as refused:
        for start in range(0, len(data), 8192):
            arriving.take(data[start : start + 8192])
    assert refused.value.status is status


def test_who_waits_to_be_told_to_go_on_is_known() -> None:
    """Until the body has begun to come."""
    arriving = Arriving()
    assert arriving.take(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n") is None
    assert arriving.waits_to_go_on
    assert arriving.take(b"a") is None
    assert not arriving.waits_to_go_on
