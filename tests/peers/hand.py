"""A peer played by hand: two UDP sockets and text, for what no telephone would ever do.

Where SIPp or baresip can play the part, they do.  This one is for races, floods and odd RTP.
"""

import socket
import struct
import time
import uuid
from types import TracebackType
from typing import Final, Self

from tests.peers.capture import SipSeen

SDP: Final = """\
v=0\r
o=hand 1 {version} IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio {port} RTP/AVP 0 101\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a={direction}\r
"""


class Hand:
    """One party of one call, over UDP.  A context manager."""

    def __init__(self) -> None:
        self.sip = _socket()
        self.rtp = _socket()
        self.port: int = self.sip.getsockname()[1]
        self.media_port: int = self.rtp.getsockname()[1]
        self.call_id = uuid.uuid4().hex
        self.tag = uuid.uuid4().hex[:8]
        self.remote_tag = ""
        self.target = ""
        self.engine = ("127.0.0.1", 0)
        self.invite_branch = ""
        self._cseq = 0

    def sdp(self, *, version: int = 1, direction: str = "sendrecv") -> str:
        """Return our description: PCMU and events."""
        return SDP.format(port=self.media_port, version=version, direction=direction)

    def invite(self, engine_port: int, user: str = "service", body: str | None = None) -> None:
        """Send an INVITE to the engine."""
        self.engine = ("127.0.0.1", engine_port)
        self.target = f"sip:{user}@127.0.0.1:{engine_port}"
        self.invite_branch = self.request("INVITE", body=self.sdp() if body is None else body)

    def request(
        self, method: str, *, body: str = "", branch: str = "", cseq: int = 0, extra: str = ""
    ) -> str:
        """Send a request of our dialog; return its branch.  ACK and CANCEL repeat the CSeq."""
        if not cseq and method not in ("ACK", "CANCEL"):
            self._cseq += 1
        branch = branch or "z9hG4bK" + uuid.uuid4().hex
        content = "Content-Type: application/sdp\r\n" if body else ""
        to_tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        self.send(
            f"{method} {self.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch}\r\n"
            f"Max-Forwards: 70\r\n"
            f"From: <sip:hand@127.0.0.1:{self.port}>;tag={self.tag}\r\n"
            f"To: <{self.target}>{to_tag}\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {cseq or self._cseq} {method}\r\n"
            f"Contact: <sip:hand@127.0.0.1:{self.port}>\r\n"
            f"{extra}{content}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        return branch

    def respond(self, request: SipSeen, status: int, *, body: str = "", extra: str = "") -> None:
        """Answer a request; the To header gets our tag."""
        to = request.header("To")
        to += "" if ";tag=" in to or status == 100 else f";tag={self.tag}"
        content = "Content-Type: application/sdp\r\n" if body else ""
        vias = "".join(f"Via: {via}\r\n" for via in request.headers("Via"))
        self.send(
            f"SIP/2.0 {status} Reason\r\n{vias}"
            f"From: {request.header('From')}\r\nTo: {to}\r\n"
            f"Call-ID: {request.header('Call-ID')}\r\nCSeq: {request.header('CSeq')}\r\n"
            f"Contact: <sip:hand@127.0.0.1:{self.port}>\r\n"
            f"{extra}{content}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def send(self, text: str) -> None:
        """Send any text at all."""
        self.sip.sendto(text.encode(), self.engine)

    def receive(self, seconds: float = 5.0) -> SipSeen:
        """Return the next SIP message; raise AssertionError if none comes."""
        self.sip.settimeout(seconds)
        try:
            datagram, source = self.sip.recvfrom(65535)
        except TimeoutError:
            raise AssertionError(f"no SIP message within {seconds} s") from None
        self.engine = source
        return SipSeen(time.time(), source[1], self.port, datagram.decode(errors="replace"))

    def expect(self, what: str | int, seconds: float = 5.0) -> SipSeen:
        """Return the next message with this method or status; others are passed over."""
        ends = time.monotonic() + seconds
        passed: list[str] = []
        while (left := ends - time.monotonic()) > 0:
            seen = self.receive(left)
            if what in (seen.method, seen.status):
                self._learn(seen)
                return seen
            passed.append(seen.start_line)
        raise AssertionError(f"no {what} within {seconds} s, but {passed}")

    def _learn(self, seen: SipSeen) -> None:
        """Take the dialog's parts from an INVITE or from the response to ours."""
        if seen.method == "INVITE":
            self.call_id = seen.header("Call-ID")
            self.remote_tag = seen.header("From").partition(";tag=")[2]
        elif seen.status > 100 and ";tag=" in seen.header("To"):
            self.remote_tag = seen.header("To").partition(";tag=")[2]
        contact = seen.header("Contact")
        if "<" in contact and (seen.method == "INVITE" or 100 < seen.status < 300):
            self.target = contact.partition("<")[2].partition(">")[0]

    def close(self) -> None:
        """Close both sockets."""
        self.sip.close()
        self.rtp.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def rtp_packet(
    payload: bytes,
    *,
    sequence: int,
    timestamp: int,
    ssrc: int = 0x0FF400C,
    payload_type: int = 0,
    marker: bool = False,
) -> bytes:
    """Return an RTP packet (RFC 3550, 5.1)."""
    second = payload_type | marker << 7
    header = struct.pack("!BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return header + payload


def media_port(seen: SipSeen) -> int:
    """Return the port of the first m= line of a message's description."""
    line = next(line for line in seen.body.splitlines() if line.startswith("m="))
    return int(line.split()[1])


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made
