"""Which tests can run here.

``@pytest.mark.peer("sipp", "baresip")`` names what a test needs besides Python: foreign programs,
or ``capture`` (to see every packet on loopback), ``namespace`` (a network of its own) and ``sound``
(cards that are none).  Where
one is missing the test is skipped and says so; in CI that is a failure.
"""

import functools
import os
import shutil
import socket

import pytest

from tests.peers import namespace, sound_server

STRICT = "OFFHOOK_REQUIRE_PEERS" in os.environ or os.environ.get("CI") == "true"


@functools.cache
def missing(program: str) -> str:
    """Return what is missing for a peer, or an empty text."""
    match program:
        case "capture":
            return "" if can_capture() else "the right to capture packets (CAP_NET_RAW)"
        case "namespace":
            return "" if namespace.available() else "the right to make a network namespace"
        case "sound":
            return missing("pulseaudio") or missing("pactl") or sound_server.lacking()
        case _:
            return "" if shutil.which(program) else f"the program {program}"


def can_capture() -> bool:
    """Whether we may open a packet socket."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return False
    return True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail in CI, where a peer is missing."""
    for mark in item.iter_markers("peer"):
        for lack in filter(None, (missing(str(program)) for program in mark.args)):
            if STRICT:
                pytest.fail(f"this test needs {lack}", pytrace=False)
            pytest.skip(f"this test needs {lack}")
