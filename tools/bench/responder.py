"""The least that a Python program can do for a call: receive, answer, nothing else.

``python3 tools/bench/responder.py`` prints the port it listens on and answers every INVITE with 180
and 200, every other request with 200: no state, no checks, no media.
"""

import re
import socket
from typing import Final

HOST: Final = "127.0.0.1"
COPIED: Final = re.compile(rb"(?:Via|From|To|Call-ID|CSeq): [^\r]*\r\n")
SDP: Final = (
    f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
).encode()


def serve() -> None:
    """Answer until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind((HOST, 0))
        port = opened.getsockname()[1]
        print(port, flush=True)
        contact = f"Contact: <sip:bare@{HOST}:{port}>\r\n".encode()
        while True:
            datagram, address = opened.recvfrom(65536)
            for response in responses(datagram, contact):
                opened.sendto(response, address)


def responses(datagram: bytes, contact: bytes) -> list[bytes]:
    """Return the answers to one request."""
    method = datagram[: datagram.index(b" ")]
    if method == b"ACK":
        return []
    copied = b"".join(COPIED.findall(datagram))
    if method != b"INVITE":
        return [b"SIP/2.0 200 OK\r\n%bContent-Length: 0\r\n\r\n" % copied]
    head = copied.replace(b"\r\nCall-ID", b";tag=bare\r\nCall-ID") + contact
    ringing = b"SIP/2.0 180 Ringing\r\n%bContent-Length: 0\r\n\r\n" % head
    kind = b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(SDP)
    return [ringing, b"SIP/2.0 200 OK\r\n" + head + kind + SDP]


if __name__ == "__main__":
    serve()
