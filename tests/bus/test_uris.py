import pytest

from bus.uris import host_of, user_of


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:alice@example.com", "alice"),
        ("sip:alice:secret@example.com", "alice"),
        ("sip:al%69ce@example.com;transport=tcp", "alice"),
        ("sip:user;part=1@example.com", "user;part=1"),
        ("sip:example.com", ""),
        ("sip:127.0.0.1:5060", ""),
    ],
)
def test_user(uri: str, user: str) -> None:
    assert user_of(uri) == user


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:alice@example.com", "example.com"),
        ("SIPS:alice@example.com:5061;transport=tcp", "example.com"),
        ("sip:127.0.0.1:5070", "127.0.0.1"),
        ("sip:a@[::1]:5060", "::1"),
        ("sip:a@host?Subject=x", "host"),
        ("alice@example.com", ""),
        ("sip:", ""),
        ("sip:a b@host", ""),
        ("sip:a@host:port", ""),
    ],
)
def test_host(uri: str, host: str) -> None:
    assert host_of(uri) == host
