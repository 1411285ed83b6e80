"""Messages for hypothesis: everything that can be said in a header field, and in a body."""

from hypothesis import strategies as st

from signaling.sip.message import Header, Request, Response
from signaling.sip.names import LISTS, SINGLE, SPELLING

TOKENS = st.text(
    "abcxyzABCXYZ0189-.!%*_+`'~",
    min_size=1,
    max_size=12,
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30).map(
    lambda text: text.strip(" \t")
)
HOSTS = st.sampled_from(["example.com", "192.0.2.1", "[2001:db8::1]", "a-b.c_d.example", "h"])
PORTS = st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}"))
USERS = st.sampled_from(["", "alice@", "a;b=c@", "%00@", "u:p@", "+1-800;x@"])
QUOTED = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=9).map(
    lambda text: '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))
)
PARAMETERS = st.lists(
    st.one_of(
        TOKENS.map(lambda name: f";{name}"),
        st.tuples(TOKENS, TOKENS).map("=".join).map(lambda pair: f";{pair}"),
        st.tuples(TOKENS, QUOTED).map("=".join).map(lambda pair: f" ; {pair}"),
    ),
    max_size=3,
).map("".join)
URIS = st.builds("sip:{}{}{}".format, USERS, HOSTS, PORTS)
ADDRESSES = st.builds(
    "{}<{}>{}".format,
    st.one_of(st.just(""), QUOTED.map(lambda text: f"{text} "), TOKENS),
    URIS,
    PARAMETERS,
)
VIAS = st.builds("SIP/2.0/{} {}{}{}".format, TOKENS, HOSTS, PORTS, PARAMETERS)
FREE = st.tuples(TOKENS.filter(lambda name: name.lower() not in SPELLING), TEXTS)
OTHERS: st.SearchStrategy[Header] = st.one_of(
    FREE,
    st.tuples(st.just("Contact"), ADDRESSES),
    st.tuples(st.just("Route"), ADDRESSES),
    st.tuples(st.just("Via"), VIAS),
    st.tuples(st.sampled_from(sorted(LISTS - {"Contact", "Route", "Record-Route", "Via"})), TOKENS),
    st.tuples(st.sampled_from(["Subject", "User-Agent", "Date", "WWW-Authenticate"]), TEXTS),
)
BODIES = st.binary(max_size=60)
METHODS = st.one_of(st.sampled_from(["INVITE", "BYE", "OPTIONS"]), TOKENS)
SINGLES = frozenset(SINGLE)


@st.composite
def headers(draw: st.DrawFn, method: str) -> list[Header]:
    """The header fields of a message, the necessary ones among others, in any order."""
    needed: list[Header] = [
        ("Via", draw(VIAS)),
        ("From", draw(ADDRESSES)),
        ("To", draw(ADDRESSES)),
        ("Call-ID", draw(TOKENS)),
        ("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {method}"),
    ]
    return draw(st.permutations([*needed, *draw(st.lists(OTHERS, max_size=6))]))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Any request."""
    method = draw(METHODS)
    return Request(method=method, uri=draw(URIS), headers=draw(headers(method)), body=draw(BODIES))


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Any response."""
    return Response(
        status=draw(st.integers(100, 699)),
        reason=draw(TEXTS),
        headers=draw(headers(draw(METHODS))),
        body=draw(BODIES),
    )
