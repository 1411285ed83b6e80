"""What a worker and its files process say to each other survives the way."""

import pytest

from bus.sources import Tone, Wave
from mediaworker.filing import (
    Drop,
    Fetch,
    Fetched,
    FetchFailed,
    FromFiles,
    Keep,
    Own,
    Ready,
    Start,
    Started,
    StartFailed,
    Stop,
    Stopped,
    ToFiles,
    decode_from_files,
    decode_to_files,
    encode,
    socket_pair,
)

QUESTIONS: list[ToFiles] = [
    Fetch(1, Wave("/a.wav", loop=True)),
    Fetch(2, Tone(440.0, -10.0)),
    Keep(3, Wave("/a.wav"), 32, 8000),
    Drop(4),
    Start(5, "/r.wav", go_on=True),
    Stop(6),
    Own(("/w0.public", "/w0.state")),
]
ANSWERS: list[FromFiles] = [
    Ready(),
    Fetched(1, 32, 8000),
    FetchFailed(2, "why"),
    Started(3),
    StartFailed(4, "why"),
    Stopped(5, "disk full"),
]


@pytest.mark.parametrize("message", QUESTIONS, ids=repr)
def test_questions(message: ToFiles) -> None:
    assert decode_to_files(encode(message)) == message


@pytest.mark.parametrize("message", ANSWERS, ids=repr)
def test_answers(message: FromFiles) -> None:
    assert decode_from_files(encode(message)) == message


def test_packets_stay_apart() -> None:
    ours, theirs = socket_pair()
    with ours, theirs:
        for message in ANSWERS:
            theirs.send(encode(message))
        assert [decode_from_files(ours.recv(4096)) for _ in ANSWERS] == ANSWERS
        theirs.close()
        assert ours.recv(4096) == b""
