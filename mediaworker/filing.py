"""What a worker and its files process say to each other.

They share a socket pair (one MessagePack map a packet), the pool and the table of recordings.  The
tick touches no file: it plays from the pool and records into a ring, all else is asked for here.

    Fetch(token, source)     Fetched(token, offset, samples) | FetchFailed(token, reason)
    Keep(token, ...)         it is there already: a files process died, this is the next
    Drop(token)              the segment may be used for something else
    Start(row, path)         Started(row) | StartFailed(row, reason)   drain this ring from now on
    Stop(row)                Stopped(row, problem)                     its file is whole
    Own(paths)               unlink these when the worker is gone
"""

import socket

import msgspec

from bus.sources import Music, Tone, Wave

LONGEST_PACKET = 64 * 1024


class FilesMessage(msgspec.Struct, tag_field="verb", frozen=True):
    """Base of all; the tag field is ``verb``."""


class Fetch(FilesMessage, tag="fetch", frozen=True):
    """Have a sound in the pool; ``token`` holds it there."""

    token: int
    source: Tone | Wave | Music


class Keep(FilesMessage, tag="keep", frozen=True):
    """Hold what lies in the pool already, where the files process before put it."""

    token: int
    source: Tone | Wave | Music
    offset: int
    samples: int


class Drop(FilesMessage, tag="drop", frozen=True):
    """Nobody plays it under this token any more."""

    token: int


class Start(FilesMessage, tag="start", frozen=True):
    """Write a recording ring into a file, a new one or, to ``go_on``, the one that is there."""

    row: int
    path: str
    go_on: bool = False
    mixed: bool = False
    """Both sides in one channel."""


class Stop(FilesMessage, tag="stop", frozen=True):
    """Nothing more will come into this ring: make its file whole."""

    row: int


class Own(FilesMessage, tag="own", frozen=True):
    """Files that belong to this worker process."""

    paths: tuple[str, ...]


ToFiles = Fetch | Keep | Drop | Start | Stop | Own


class Ready(FilesMessage, tag="ready", frozen=True):
    """The files process serves."""


class Fetched(FilesMessage, tag="fetched", frozen=True):
    """The sound is in the pool."""

    token: int
    offset: int
    samples: int


class FetchFailed(FilesMessage, tag="fetch_failed", frozen=True):
    """It could not be had."""

    token: int
    reason: str


class Started(FilesMessage, tag="started", frozen=True):
    """The file is there."""

    row: int


class StartFailed(FilesMessage, tag="start_failed", frozen=True):
    """It cannot be written."""

    row: int
    reason: str


class Stopped(FilesMessage, tag="stopped", frozen=True):
    """The file is whole, but for the ``problem``, if any."""

    row: int
    problem: str


FromFiles = Ready | Fetched | FetchFailed | Started | StartFailed | Stopped

encode = msgspec.msgpack.Encoder().encode
decode_to_files = msgspec.msgpack.Decoder(ToFiles).decode
decode_from_files = msgspec.msgpack.Decoder(FromFiles).decode


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends, which keep packets apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
