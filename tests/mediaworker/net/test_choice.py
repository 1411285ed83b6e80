import json
import os
import resource
import subprocess
import sys

import pytest

from bus.errors import LaunchError
from mediaworker.net.choice import AUTO, PORTABLE, URING, choose
from mediaworker.streams import Streams

REFUSED = """
import ctypes, json, logging, struct, sys
from bus.errors import LaunchError
from mediaworker.net.choice import choose
from mediaworker.streams import Streams

# A seccomp filter: io_uring_setup is EPERM, everything else is allowed.
words = [(0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in words))
program = ctypes.create_string_buffer(struct.pack("=H6xQ", len(words), ctypes.addressof(code)))
prctl = ctypes.CDLL(None).prctl
assert prctl(38, 1, 0, 0, 0) == 0
assert prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0) == 0
logging.basicConfig(format="%(message)s")
streams = Streams.private(2)
try:
    insisted = choose("uring", streams).name
except LaunchError as error:
    insisted = str(error)
print(json.dumps([choose("auto", streams).name, insisted]))
"""


@pytest.mark.parametrize(("wanted", "name"), [(AUTO, URING), (URING, URING), (PORTABLE, PORTABLE)])
def test_what_is_wanted_is_chosen(wanted: str, name: str) -> None:
    backend = choose(wanted, Streams.private(2))
    assert backend.name == name
    backend.end()


def test_without_io_uring_there_is_epoll_and_the_log_says_why() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", REFUSED],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    chosen, refusal = json.loads(done.stdout)
    assert chosen == PORTABLE
    assert "io_uring is refused (Operation not permitted)" in refusal
    assert "going on with epoll" in done.stderr


def test_too_few_descriptors_are_a_refusal() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
    try:
        with pytest.raises(LaunchError, match="Too many open files"):
            choose(URING, Streams.private(300))
        backend = choose(AUTO, Streams.private(300))
        assert backend.name == PORTABLE
        backend.end()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
