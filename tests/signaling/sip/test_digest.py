"""Vectors of RFC 2617 3.5, RFC 7616 3.9.1 and, corrected by its erratum 4897, 3.9.2."""

import hashlib
import re

import pytest

from signaling.sip.digest import HASHES, authorize, is_stale
from signaling.sip.headers import parse_challenge
from signaling.sip.message import Header

CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
MUFASA = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)

needs_sha_512_256 = pytest.mark.skipif(
    "sha-512-256" not in HASHES, reason="this Python's OpenSSL has no SHA-512/256"
)


def answer(
    *challenges: str,
    name: str = "WWW-Authenticate",
    method: str = "GET",
    uri: str = "/dir/index.html",
    user: str = "Mufasa",
    password: str = "Circle of Life",
    body: bytes = b"",
    cnonce: str = CNONCE,
    nonce_count: int = 1,
) -> Header | None:
    return authorize(
        [(name, challenge) for challenge in challenges],
        method=method,
        uri=uri,
        user=user,
        password=password,
        body=body,
        cnonce=cnonce,
        nonce_count=nonce_count,
    )


def credentials(header: Header | None) -> dict[str, str]:
    assert header is not None
    scheme, parameters = parse_challenge(header[1])
    assert scheme == "digest"
    return parameters


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_vectors_of_rfc_7616(algorithm: str, response: str) -> None:
    header = answer(MUFASA.format(algorithm))
    assert header == (
        "Authorization",
        'Digest username="Mufasa", realm="http-auth@example.org", '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri="/dir/index.html", '
        f'response="{response}", algorithm={algorithm}, cnonce="{CNONCE}", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", qop=auth, nc=00000001',
    )


@needs_sha_512_256
def test_the_vector_of_rfc_7616_for_sha_512_256() -> None:
    header = answer(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK"',
        uri="/doe.json",
        user="J\N{LATIN SMALL LETTER A WITH DIAERESIS}s\N{LATIN SMALL LETTER O WITH STROKE}n Doe",
        password="Secret, or not?",
        cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
    )
    expected = "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    assert credentials(header)["response"] == expected


def test_the_vector_of_rfc_2617() -> None:
    header = answer(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
        password="Circle Of Life",
        cnonce="0a4f113b",
    )
    assert credentials(header)["response"] == "6629fae49393a05397450978507c4ef1"
    assert "algorithm" not in credentials(header)


def test_a_challenge_of_rfc_2069_is_answered_without_cnonce() -> None:
    header = answer('Digest realm="r", nonce="n"', user="u", password="p", uri="sip:a")
    secret, asked = (
        hashlib.md5(text, usedforsecurity=False).hexdigest() for text in (b"u:r:p", b"GET:sip:a")
    )
    expected = hashlib.md5(f"{secret}:n:{asked}".encode(), usedforsecurity=False).hexdigest()
    assert credentials(header) == {
        "username": "u",
        "realm": "r",
        "nonce": "n",
        "uri": "sip:a",
        "response": expected,
    }


def test_a_session_mixes_the_nonces_into_the_secret() -> None:
    header = answer('Digest realm="r", nonce="n", qop=auth, algorithm=SHA-256-sess', cnonce="c")
    inner = hashlib.sha256(b"Mufasa:r:Circle of Life").hexdigest()
    secret = hashlib.sha256(f"{inner}:n:c".encode()).hexdigest()
    asked = hashlib.sha256(b"GET:/dir/index.html").hexdigest()
    expected = hashlib.sha256(f"{secret}:n:00000001:c:auth:{asked}".encode()).hexdigest()
    assert credentials(header)["response"] == expected
    assert credentials(header)["algorithm"] == "SHA-256-sess"


def test_the_body_is_protected_where_only_that_is_offered() -> None:
    challenge = 'Digest realm="r", nonce="n", qop="auth-int", algorithm=SHA-256'
    header = answer(challenge, body=b"v=0", cnonce="c", nonce_count=255)
    secret = hashlib.sha256(b"Mufasa:r:Circle of Life").hexdigest()
    entity = hashlib.sha256(b"v=0").hexdigest()
    asked = hashlib.sha256(f"GET:/dir/index.html:{entity}".encode()).hexdigest()
    expected = hashlib.sha256(f"{secret}:n:000000ff:c:auth-int:{asked}".encode()).hexdigest()
    got = credentials(header)
    assert (got["response"], got["qop"], got["nc"]) == (expected, "auth-int", "000000ff")


def test_the_strongest_algorithm_wins_wherever_it_stands() -> None:
    offered = [MUFASA.format(name) for name in ("MD5", "SHA-999", "SHA-512-256", "SHA-256")]
    strongest = "SHA-512-256" if "sha-512-256" in HASHES else "SHA-256"
    for challenges in (offered, offered[::-1]):
        assert credentials(answer(*challenges))["algorithm"] == strongest
    assert credentials(answer(*offered[:2]))["algorithm"] == "MD5"


def test_of_equals_the_first_wins() -> None:
    assert credentials(answer('Digest realm="a", nonce="n"', 'Digest realm="b", nonce="n"'))[
        "realm"
    ] == "a"  # fmt: skip


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "Basic realm=x",
        "Bearer",
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r", nonce="n", algorithm=SHA-999',
        'Digest realm="r", nonce="n", qop="auth-conf"',
        'Digest realm="r, nonce="n"',
    ],
)
def test_what_we_cannot_answer_is_passed_over(challenge: str) -> None:
    assert answer(challenge) is None
    assert credentials(answer(challenge, MUFASA.format("MD5")))["algorithm"] == "MD5"


def test_a_proxy_is_answered_in_its_own_header() -> None:
    for name, ours in (
        ("Proxy-Authenticate", "Proxy-Authorization"),
        ("www-authenticate", "Authorization"),
    ):
        header = answer(MUFASA.format("MD5"), name=name)
        assert header is not None
        assert header[0] == ours
    assert answer(MUFASA.format("MD5"), name="Authentication-Info") is None


def test_quotes_in_names_are_escaped_and_those_of_a_realm_kept() -> None:
    header = answer('Digest realm="a \\"b\\"", nonce="n"', user='x"\\y')
    assert header is not None
    assert re.search(r'username="x\\"\\\\y", realm="a \\"b\\""', header[1])


@pytest.mark.parametrize(
    ("challenge", "stale"),
    [
        ('Digest realm="r", nonce="n", stale=true', True),
        ('Digest realm="r", nonce="n", stale="TRUE"', True),
        ('Digest realm="r", nonce="n", stale=false', False),
        ('Digest realm="r", nonce="n"', False),
        ("Basic stale=true", False),
        ("", False),
    ],
)
def test_stale_nonces(challenge: str, stale: bool) -> None:
    assert is_stale(challenge) is stale
