"""Whether a URI stays in somebody's domain."""

import pytest

from signaling.calls.domains import host_of, in_domain


@pytest.mark.parametrize(
    ("uri", "inside"),
    [
        ("sip:a@example.com", True),
        ("sips:a@EXAMPLE.com:5070;transport=tls", True),
        ("sip:a@sub.example.com", False),
        ("sip:a@example.com.evil.org", False),
        ("sip:example.com@evil.org", False),
        ("sip:a@[2001:db8::1]", True),
        ("sip:a@[2001:db8:0:0::1]", True),
        ("tel:+49900", False),
        ("nonsense", False),
    ],
)
def test_the_host_alone_decides(uri: str, inside: bool) -> None:
    assert in_domain(uri, ("example.com", "2001:db8::1")) is inside


def test_nobody_is_in_no_domain() -> None:
    assert not in_domain("sip:a@example.com", ())
    assert not in_domain("tel:+49900", ("",))


def test_what_has_no_host() -> None:
    assert (host_of("sip:a@h"), host_of("tel:+1"), host_of("?")) == ("h", "", "")
