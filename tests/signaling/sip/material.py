"""Messages that others wrote: torture and crash inputs beside the checkout, and two of our own."""

import ast
import csv
from pathlib import Path

MATERIAL = Path(__file__).parents[4] / "shared" / "material"

INVITE = (
    b"INVITE sip:bob@192.0.2.4:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n"
    b"Record-Route: <sip:192.0.2.9;lr>\r\n"
    b"Max-Forwards: 70\r\n"
    b"To: Bob <sip:bob@biloxi.example.com>\r\n"
    b'From: "Alice" <sip:alice@atlanta.example.com>;tag=1928301774\r\n'
    b"Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Timestamp: 54.2\r\n"
    b"Contact: <sip:alice@192.0.2.1:5060;transport=udp>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 5\r\n"
    b"\r\n"
    b"v=0\r\n"
)

RINGING = (
    b"SIP/2.0 180 Ringing\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n"
    b"To: Bob <sip:bob@biloxi.example.com>;tag=a6c85cf\r\n"
    b"From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\n"
    b"Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Content-Length: 0\r\n"
    b"\r\n"
)


def torture(name: str) -> bytes:
    """Return a message of RFC 4475."""
    return (MATERIAL / "rfc4475" / f"{name}.dat").read_bytes()


def torture_labels() -> dict[str, str]:
    """Return what a UDP user agent server answers to each message of RFC 4475, by its name."""
    listing = MATERIAL / "rfc4475" / "expected.csv"
    if not listing.exists():
        return {}
    with listing.open(newline="") as rows:
        return {
            row["file"].removesuffix(".dat"): row["udp_uas_answer"] for row in csv.DictReader(rows)
        }


def crashers() -> dict[str, bytes]:
    """Return inputs that crashed a parser: raw ones, and strings of a Go corpus file."""
    folder = MATERIAL / "crashers" / "sip"
    return {path.name: _crasher(path.read_bytes()) for path in sorted(folder.glob("*"))}


def _crasher(content: bytes) -> bytes:
    if not content.startswith(b"go test fuzz"):
        return content
    literal = content.decode().splitlines()[1].removeprefix("string(").removesuffix(")")
    return str(ast.literal_eval(literal)).encode("latin-1")
