"""Descriptions that several tests read; from RFC 3264 and RFC 4317 with literal addresses."""


def body(text: str) -> bytes:
    """Indented lines -> CRLF lines."""
    return "".join(f"{line.strip()}\r\n" for line in text.strip().splitlines()).encode()


def audio(
    formats: str = "0 8 101",
    *attributes: str,
    port: int = 49170,
    address: str = "198.51.100.7",
    protocol: str = "RTP/AVP",
    version: int = 1,
) -> bytes:
    """An offer or answer with one audio medium; telephone-event is mapped to 101."""
    kind = "IP6" if ":" in address else "IP4"
    lines = [
        "v=0",
        f"o=them 42 {version} IN {kind} {address}",
        "s=-",
        f"c=IN {kind} {address}",
        "t=0 0",
        f"m=audio {port} {protocol} {formats}",
        "a=rtpmap:101 telephone-event/8000",
        *(f"a={attribute}" for attribute in attributes),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


AUDIO_AND_TWO_VIDEOS = body("""
    v=0
    o=alice 2890844526 2890844526 IN IP4 host.anywhere.example
    s=
    c=IN IP4 192.0.2.10
    t=0 0
    m=audio 49170 RTP/AVP 0
    a=rtpmap:0 PCMU/8000
    m=video 51372 RTP/AVP 31
    a=rtpmap:31 H261/90000
    m=video 53000 RTP/AVP 32
    a=rtpmap:32 MPV/90000
""")

SEVERAL_AUDIO_CODECS = body("""
    v=0
    o=alice 2890844526 2890844526 IN IP4 host.atlanta.example
    s=
    c=IN IP4 192.0.2.10
    t=0 0
    m=audio 49170 RTP/AVP 97 8 0
    a=rtpmap:0 PCMU/8000
    a=rtpmap:8 PCMA/8000
    a=rtpmap:97 iLBC/8000
    m=video 51372 RTP/AVP 31 32
    a=rtpmap:31 H261/90000
    a=rtpmap:32 MPV/90000
""")

EVERY_LINE = body(
    """
    v=0
    o=jdoe 3724394400 3724394405 IN IP6 2001:db8::1
    s=Call to John Smith
    i=SDP Offer #1
    u=http://www.jdoe.example.com/home.html
    e=Jane Doe <jane@jdoe.example.com>
    p=+1 617 555-6011
    c=IN IP4 233.252.0.1/127/3
    b=X-YZ:128
    t=3034423619 3042462419
    r=604800 3600 0 90000
    t=0 0
    z=2882844526 -1h 2898848070 0
    k=prompt
    a=recvonly
    m=audio 49170/2 RTP/AVP 0 96
    i=the voice
    c=IN IP4 192.0.2.10
    c=IN IP6 2001:db8::10
    b=AS:64
    k=clear:secret
    a=rtpmap:96 L16/8000/2
    a=ptime:20
    a=
""".replace("    a=\n", "    a=empty:\n")
)

INVALID_FMTP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=Asterisk\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    b"m=audio 17000 RTP/AVP 9 0 101\r\na=rtpmap:8 alaw/8000\r\na=fmtp\x00:101 0-16\r\na=sendrecv"
)
INVALID_FORMAT = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=Asterisk\r\nc=IN IP4 192.0.2.9\r\n"
    b"m=audio 17002 RTP/AVP 4294967296"
)
