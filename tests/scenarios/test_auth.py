"""Scenario 2: digest challenges (RFC 3261 22, RFC 7616, RFC 8760)."""

import hashlib
import re
from collections.abc import Sequence

import pytest

from bus.calls import Answered, Ended, Outcome
from bus.holding import Hold
from signaling.sip.message import Header, Request, first
from tests.harness.arena import TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet
from tests.signaling.sdp.bodies import audio

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def digest(algorithm: str, text: str) -> str:
    return hashlib.new(HASHES[algorithm], text.encode()).hexdigest()


class Guard:
    """Challenges INVITEs; lets in who knows the password.  Checks the digest by itself."""

    def __init__(self, algorithms: Sequence[str], *, proxy: bool = False, stale: int = 0) -> None:
        self.algorithms = algorithms
        self.proxy = proxy
        self.stale = stale
        self.challenges = 0
        self.used: list[str] = []
        self.nonce = ""

    def __call__(self, puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "BYE":
            puppet.answer(request, 200)
        if request.method != "INVITE":
            return
        name = "Proxy-Authorization" if self.proxy else "Authorization"
        credentials = first(request, name)
        right = credentials is not None and self._is_right(credentials)
        if right and self.stale == 0:
            puppet.answer(request, 200, body=audio("0 101", address="192.0.2.3"))
            return
        stale = right and self.stale > 0
        self.stale -= stale
        self._challenge(puppet, request, stale=stale)

    def _challenge(self, puppet: Puppet, request: Request, *, stale: bool) -> None:
        self.challenges += 1
        self.nonce = f"n{self.challenges}"
        name = "Proxy-Authenticate" if self.proxy else "WWW-Authenticate"
        extra = ", stale=true" if stale else ""
        headers: list[Header] = [
            (
                name,
                f'Digest realm="cave", nonce="{self.nonce}", qop="auth,auth-int", '
                f"algorithm={algorithm}{extra}",
            )
            for algorithm in self.algorithms
        ]
        puppet.answer(request, 407 if self.proxy else 401, headers=headers)

    def _is_right(self, credentials: str) -> bool:
        said: dict[str, str] = {
            key.lower(): quoted or bare
            for key, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', credentials)
        }
        algorithm = said.get("algorithm", "MD5")
        self.used.append(algorithm)
        ha1 = digest(algorithm, f"alice:{said['realm']}:sesame")
        ha2 = digest(algorithm, f"INVITE:{said['uri']}")
        joined = f"{ha1}:{said['nonce']}:{said['nc']}:{said['cnonce']}:{said['qop']}:{ha2}"
        assert said["qop"] == "auth"
        fresh: bool = said["nonce"] == self.nonce
        return fresh and said["response"] == digest(algorithm, joined)


@pytest.mark.parametrize("proxy", [False, True])
@pytest.mark.parametrize(
    ("algorithms", "chosen"),
    [
        (["MD5"], "MD5"),
        (["SHA-256"], "SHA-256"),
        (["SHA-512-256"], "SHA-512-256"),
        (["MD5", "SHA-256"], "SHA-256"),
        (["SHA-512-256", "SHA-256", "MD5"], "SHA-512-256"),
        (["AES-NEVER", "MD5"], "MD5"),
    ],
)
def test_a_challenge_is_answered(
    arena: Arena, algorithms: list[str], chosen: str, proxy: bool
) -> None:
    guard = Guard(algorithms, proxy=proxy)
    carol = arena.puppet("carol", "192.0.2.3", guard)
    arena.alice.dial(TO_CAROL, user="alice", password="sesame")
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    assert guard.used == [chosen]
    one, two = carol.of("INVITE")
    for name in ("Call-ID", "From", "To"):
        assert first(one, name) == first(two, name)
    assert [first(request, "CSeq") for request in (one, two)] == ["1 INVITE", "2 INVITE"]
    assert one.body == two.body
    arena.network.run(seconds=1.0)
    assert [first(ack, "CSeq") for ack in carol.of("ACK")] == ["1 ACK", "2 ACK"]
    name = "Proxy-Authorization" if proxy else "Authorization"
    assert first(carol.of("ACK")[1], name) == first(two, name)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome is Outcome.COMPLETED


def test_a_wrong_password_is_tried_once(arena: Arena) -> None:
    carol = arena.puppet("carol", "192.0.2.3", Guard(["MD5"]))
    arena.alice.dial(TO_CAROL, user="alice", password="guess")
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert len(carol.of("INVITE")) == 2
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.REJECTED, 401)


def test_no_password_no_attempt(arena: Arena) -> None:
    carol = arena.puppet("carol", "192.0.2.3", Guard(["MD5"]))
    arena.alice.dial(TO_CAROL)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert len(carol.of("INVITE")) == 1
    assert arena.alice.ended().status == 401


@pytest.mark.parametrize(("stale", "invites"), [(1, 3), (5, 3)])
def test_a_stale_nonce_allows_one_more_try(arena: Arena, stale: int, invites: int) -> None:
    carol = arena.puppet("carol", "192.0.2.3", Guard(["SHA-256"], stale=stale))
    arena.alice.dial(TO_CAROL, user="alice", password="sesame")
    arena.network.run(seconds=5.0)
    assert len(carol.of("INVITE")) == invites
    assert bool(arena.alice.heard(Answered)) == (stale == 1)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert len(arena.alice.heard(Ended)) == 1


class Chain:
    """A proxy that wants to know, and behind it one who answers and wants to know as well."""

    def __call__(self, puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "ACK":
            return
        for status, realm, wants, has in (
            (407, "way", "Proxy-Authenticate", "Proxy-Authorization"),
            (401, "cave", "WWW-Authenticate", "Authorization"),
        ):
            if f'realm="{realm}"' not in (first(request, has) or ""):
                challenge = f'Digest realm="{realm}", nonce="{realm}", qop="auth"'
                puppet.answer(request, status, headers=[(wants, challenge)])
                return
        body = audio("0 101", address="192.0.2.3") if request.method == "INVITE" else b""
        puppet.answer(request, 200, body=body)


def test_a_proxy_and_who_is_behind_it_want_to_know(arena: Arena) -> None:
    carol = arena.puppet("carol", "192.0.2.3", Chain())
    call = arena.alice.dial(TO_CAROL, user="alice", password="sesame")
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)), seconds=5.0)
    assert len(carol.of("INVITE")) == 3
    arena.network.run(seconds=1.0)
    acks = [request for request in carol.of("ACK") if first(request, "CSeq") == "3 ACK"]
    assert [first(ack, "Proxy-Authorization") is not None for ack in acks] == [True]
    arena.alice.send(Hold(call=call))
    arena.network.run(seconds=1.0)
    assert len(carol.of("INVITE")) == 6, "within the dialog as well"
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert len(carol.of("BYE")) == 3
    assert arena.alice.ended().outcome is Outcome.COMPLETED


def test_who_invents_realms_is_left_alone(arena: Arena) -> None:
    def inventive(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            realm = first(request, "CSeq")
            challenge = ("WWW-Authenticate", f'Digest realm="{realm}", nonce="n"')
            puppet.answer(request, 401, headers=[challenge])

    carol = arena.puppet("carol", "192.0.2.3", inventive)
    arena.alice.dial(TO_CAROL, user="alice", password="sesame")
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)), seconds=5.0)
    assert len(carol.of("INVITE")) == 5


def test_only_unknown_schemes_are_offered(arena: Arena) -> None:
    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            headers = [("WWW-Authenticate", 'Basic realm="cave"')]
            puppet.answer(request, 401, headers=headers)

    carol = arena.puppet("carol", "192.0.2.3", handler)
    arena.alice.dial(TO_CAROL, user="alice", password="sesame")
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert len(carol.of("INVITE")) == 1
    assert arena.alice.ended().status == 401
