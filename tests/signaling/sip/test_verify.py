"""Digest as a server, against our own client, whose digests the RFCs' examples check."""

import pytest

from signaling.sip import verify as module
from signaling.sip.digest import authorize
from signaling.sip.verify import Finding, Nonces, challenge, new_nonce, verify

ACCOUNTS = {"bob": "zanzibar", "alice": "wonder"}
BOTH = ("SHA-256", "MD5")


def nonces() -> Nonces:
    return Nonces(key="ab" * 32)


def answer(
    nonce: str,
    *,
    user: str = "bob",
    password: str = "zanzibar",
    algorithm: str = "SHA-256",
    qop: str = "",
    count: int = 1,
    body: bytes = b"",
) -> str:
    name, value = challenge(
        "WWW-Authenticate", realm="here", nonce=nonce, algorithm=algorithm, stale=False
    )
    if qop:
        value = value.replace("auth,auth-int", qop)
    header = authorize(
        [(name, value)],
        method="INVITE",
        uri="sip:us",
        user=user,
        password=password,
        body=body,
        cnonce="c",
        nonce_count=count,
    )
    assert header is not None
    return header[1]


def judge(
    state: Nonces,
    *values: str,
    now: float = 1000.0,
    body: bytes = b"",
    method: str = "INVITE",
    algorithms: tuple[str, ...] = BOTH,
) -> tuple[Finding, str]:
    return verify(
        state,
        values,
        realm="here",
        accounts=ACCOUNTS,
        algorithms=algorithms,
        method=method,
        body=body,
        now=now,
        lifetime=60.0,
    )


GOOD = (Finding.GOOD, "bob")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_the_right_answer(algorithm: str, qop: str) -> None:
    state = nonces()
    value = answer(new_nonce(state, 1000.0, "01"), algorithm=algorithm, qop=qop, body=b"v=0")
    assert judge(state, value, body=b"v=0", algorithms=(algorithm,)) == GOOD


def test_the_body_is_protected() -> None:
    state = nonces()
    value = answer(new_nonce(state, 1000.0, "01"), qop="auth-int", body=b"v=0")
    assert judge(state, value, body=b"v=1")[0] is Finding.BAD


def test_other_methods_passwords_and_users() -> None:
    state = nonces()
    nonce = new_nonce(state, 1000.0, "01")
    assert judge(state, answer(nonce), method="BYE")[0] is Finding.BAD
    assert judge(state, answer(nonce, password="x"))[0] is Finding.BAD
    assert judge(state, answer(nonce, user="eve"))[0] is Finding.BAD
    assert judge(state, answer(nonce, user="eve", password=module.NOBODY))[0] is Finding.BAD
    assert judge(state, answer(nonce)) == GOOD, "a wrong answer does not use a nonce up"


def test_counts_must_rise() -> None:
    state = nonces()
    nonce = new_nonce(state, 1000.0, "01")
    for count, finding in ((1, "good"), (1, "stale"), (3, "good"), (2, "stale"), (4, "good")):
        assert judge(state, answer(nonce, count=count))[0].value == finding, count


def test_without_a_count_a_nonce_serves_once() -> None:
    state = nonces()
    name, value = challenge(
        "WWW-Authenticate", realm="here", nonce=new_nonce(state, 1000.0, "01"),
        algorithm="MD5", stale=False,
    )  # fmt: skip
    header = authorize(
        [(name, value.partition(", qop")[0])],
        method="INVITE",
        uri="sip:us",
        user="bob",
        password="zanzibar",
        body=b"",
        cnonce="c",
        nonce_count=1,
    )
    assert header is not None
    assert judge(state, header[1]) == GOOD
    assert judge(state, header[1])[0] is Finding.STALE


def test_old_and_foreign_nonces_are_stale() -> None:
    state = nonces()
    value = answer(new_nonce(state, 1000.0, "01"))
    assert judge(state, value, now=1061.0)[0] is Finding.STALE
    foreign = answer(new_nonce(Nonces(key="cd" * 32), 1000.0, "01"))
    assert judge(state, foreign)[0] is Finding.STALE
    for odd in ("", "x", "00" * 30, "ä" * 60):
        assert judge(state, answer(odd))[0] is Finding.STALE


def test_what_is_not_for_us_is_passed_over() -> None:
    state = nonces()
    right = answer(new_nonce(state, 1000.0, "01"))
    other = right.replace('realm="here"', 'realm="there"')
    assert judge(state, "Basic abc", other, right) == GOOD
    assert judge(state, right, algorithms=("MD5",))[0] is Finding.BAD
    assert judge(state, "Digest nonsense", "")[0] is Finding.BAD
    assert judge(state)[0] is Finding.BAD


def test_memory_is_bounded_and_what_is_forgotten_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    state = nonces()
    values = [answer(new_nonce(state, 1000.0 + n, "01")) for n in range(5)]
    for value in values:
        assert judge(state, value, now=1010.0) == GOOD
    assert len(state.used) <= 3
    assert {judge(state, value, now=1010.0)[0] for value in values} == {Finding.STALE}


def test_used_nonces_are_forgotten_when_they_are_too_old() -> None:
    state = nonces()
    assert judge(state, answer(new_nonce(state, 1000.0, "01"))) == GOOD
    assert judge(state, answer(new_nonce(state, 1100.0, "01")), now=1100.0) == GOOD
    assert len(state.used) == 1
