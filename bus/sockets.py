"""The bus's sockets and its run directory: every option is set here and nowhere else.

Why these options:

* ``LINGER`` is short, so that the last frames leave but nobody waits for a dead peer.
* ``IMMEDIATE``: a DEALER queues only for a peer that is there.  Without it a socket replays every
  stale command after a cut.  So ``send(NOBLOCK)`` raises ``zmq.Again`` while nobody listens.
* ``ROUTER_MANDATORY``: a frame to a peer that left raises ``EHOSTUNREACH``, not silence.
* ``SNDHWM`` of a ROUTER is small: what a slow peer does not read waits in its ``Outbox``, where it
  can become a snapshot.  A full one raises ``zmq.Again``.
* ``MAXMSGSIZE``: a longer frame closes the connection before it costs memory.
* ``ipc`` sockets carry no password: the run directory is 0700 and ours, which is the protection.
"""

import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal

import zmq

from bus.errors import LaunchError
from bus.settings import BusSettings

Place = Literal["control", "workers", "events", "supervisor"]

LINGER_MS: Final = 200
RECONNECT_MS: Final = 10
RECONNECT_MAX_MS: Final = 100
SEND_QUEUE: Final = 100
FEED_QUEUE: Final = 10_000
LONGEST_REPLY: Final = 64 << 20
LONGEST_SOCKET_PATH: Final = 107  # sizeof(sockaddr_un.sun_path) - 1


def default_run_dir(environ: Mapping[str, str]) -> Path:
    """Return ``$XDG_RUNTIME_DIR/offhook``, else a folder of this user under the temporary one."""
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "offhook"
    return Path(tempfile.gettempdir()) / f"offhook-{os.geteuid()}"


def prepare_run_dir(run_dir: Path) -> bool:
    """Make the run directory (0700) unless it is there; True if it was made.

    Raises LaunchError if it is not a directory, not ours, open to others or its name too long.
    """
    endpoint(run_dir, "supervisor")
    try:
        run_dir.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        check_run_dir(run_dir)
        return False
    except OSError as error:
        raise LaunchError(f"cannot make the run directory {run_dir}: {error.strerror}") from None
    return True


def check_run_dir(run_dir: Path) -> None:
    """Raise LaunchError unless it is a directory of ours that nobody else can enter."""
    try:
        status = run_dir.lstat()
    except OSError as error:
        raise LaunchError(f"run directory {run_dir}: {error.strerror}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise LaunchError(f"run directory {run_dir} is not a directory")
    if status.st_uid != os.geteuid():
        raise LaunchError(f"run directory {run_dir} belongs to user {status.st_uid}, not to us")
    if mode := stat.S_IMODE(status.st_mode) & 0o077:
        raise LaunchError(
            f"run directory {run_dir} is open to others ({mode:03o}): chmod 700 {run_dir}"
        )


def endpoint(run_dir: Path, place: Place) -> str:
    """Return the address of a socket of the engine; LaunchError if the path is too long."""
    path = str(run_dir.absolute() / f"{place}.sock")
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise LaunchError(
            f"{path} is longer than a socket's name may be ({LONGEST_SOCKET_PATH} bytes): "
            "choose a shorter run directory"
        )
    return f"ipc://{path}"


def bind_router(context: zmq.SyncContext, address: str, settings: BusSettings) -> zmq.SyncSocket:
    """Bind a server's socket.  Raises LaunchError, which names the address."""
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.SNDHWM, SEND_QUEUE)
    socket.setsockopt(zmq.MAXMSGSIZE, settings.max_frame_bytes)
    return _bind(socket, address)


def bind_xpub(context: zmq.SyncContext, address: str, settings: BusSettings) -> zmq.SyncSocket:
    """Bind the public feed.  It hears who subscribes, and drops for readers that are slow."""
    socket = context.socket(zmq.XPUB)
    socket.setsockopt(zmq.SNDHWM, FEED_QUEUE)
    socket.setsockopt(zmq.MAXMSGSIZE, settings.max_frame_bytes)
    return _bind(socket, address)


def connect_dealer(context: zmq.SyncContext, address: str) -> zmq.SyncSocket:
    """Connect to a ROUTER, now or as soon as it is there, again after every loss."""
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.IMMEDIATE, 1)
    return _connect(socket, address)


def connect_sub(
    context: zmq.SyncContext, address: str, topics: Iterable[str] = ("",)
) -> zmq.SyncSocket:
    """Connect to the public feed, for the topics named (all by default)."""
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, FEED_QUEUE)
    for topic in topics:
        socket.setsockopt_string(zmq.SUBSCRIBE, topic)
    return _connect(socket, address)


def _bind(socket: zmq.SyncSocket, address: str) -> zmq.SyncSocket:
    socket.setsockopt(zmq.LINGER, LINGER_MS)
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise LaunchError(f"cannot bind {address}: {error.strerror}") from None
    return socket


def _connect(socket: zmq.SyncSocket, address: str) -> zmq.SyncSocket:
    socket.setsockopt(zmq.LINGER, LINGER_MS)
    socket.setsockopt(zmq.MAXMSGSIZE, LONGEST_REPLY)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
    socket.connect(address)
    return socket
