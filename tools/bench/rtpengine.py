"""rtpengine (Debian's ``rtpengine-daemon``) as a subject beside ours: it forwards, call by call.

A leg of it does what a call of ours does, 50 packets a second each way, but for the jitter buffer
and everything behind it.  It is driven by its ng protocol: a cookie, a space and a bencoded map.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from typing import Final

from tools.bench.rig import FAR_PORT, HOST, BenchError, Cores, pinned

CONTROL: Final = (HOST, 44_223)
PORTS: Final = (21_000, 32_000)
INSTALL: Final = "apt-get install -y --no-install-recommends rtpengine-daemon"
SDP: Final = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def bencode(value: str | dict[str, str]) -> bytes:
    """Encode a text, or a map of texts."""
    if isinstance(value, str):
        text = value.encode()
        return b"%d:%b" % (len(text), text)
    items = (bencode(key) + bencode(value[key]) for key in sorted(value))
    return b"d" + b"".join(items) + b"e"


class Rtpengine:
    """A running one."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self.process, self.control = process, control
        self.asked = 0

    def open(self, calls: int) -> list[int]:
        """Open as many legs, two and two connected; return their ports."""
        if calls % 2:
            raise BenchError("rtpengine connects legs two and two: ask for an even number")
        ports = list[int]()
        for number in range(calls // 2):
            names = {"call-id": f"call-{number}", "from-tag": "a"}
            theirs = SDP.format(host=HOST, port=FAR_PORT)
            ports.append(self._ask({"command": "offer", **names, "sdp": theirs}))
            ports.append(self._ask({"command": "answer", **names, "to-tag": "b", "sdp": theirs}))
        # the port in an offer that was rewritten is where the answerer is to send
        return [port for pair in zip(ports[1::2], ports[::2], strict=True) for port in pair]

    def _ask(self, command: dict[str, str]) -> int:
        self.asked += 1
        self.control.send(b"%d %b" % (self.asked, bencode(command)))
        try:
            answer = self.control.recv(65_536)
        except OSError as error:
            raise BenchError(f"rtpengine does not answer: {error}") from None
        found = re.search(rb"m=audio (\d+)", answer)
        if found is None:
            raise BenchError(f"rtpengine refuses: {answer[:200]!r}")
        return int(found[1])

    def await_serving(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + 10
        while time.monotonic() < until and self.process.poll() is None:
            self.control.send(b"0 " + bencode({"command": "ping"}))
            with contextlib.suppress(OSError):
                self.control.recv(1000)
                return
            time.sleep(0.05)
        raise BenchError("rtpengine does not serve")


@contextlib.contextmanager
def rtpengine(cores: Cores) -> Generator[Rtpengine]:
    """Run one in user space on the subject's core, with one thread for media."""
    program = shutil.which("rtpengine") or shutil.which("rtpengine", path="/usr/sbin")
    if program is None:
        raise BenchError(f"rtpengine is not installed: {INSTALL}")
    host, port = CONTROL
    options = [f"--interface={HOST}", f"--listen-ng={host}:{port}", "--table=-1", "--foreground"]
    options += [f"--port-min={PORTS[0]}", f"--port-max={PORTS[1]}", "--num-threads=1"]
    options += ["--log-stderr", "--log-level=1", "--config-file=none", "--delete-delay=0"]
    with pinned(cores.subject):
        process = subprocess.Popen([program, *options], stderr=subprocess.DEVNULL, env=os.environ)
    control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        control.connect(CONTROL)
        control.settimeout(2)
        subject = Rtpengine(process, control)
        subject.await_serving()
        yield subject
    finally:
        control.close()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
