"""Challenging callers (RFC 3261 22, RFC 7616 as a server)."""

import re

import pytest

from bus.calls import Answered, Ended, IncomingCall, Outcome
from bus.settings import AuthSettings, Settings
from signaling.sip.digest import authorize
from signaling.sip.message import Header, Request, Response, every
from tests.harness.arena import BOB, CAROL, TO_BOB, Arena
from tests.harness.puppet import Caller
from tests.signaling.carol import MEDIA, heard
from tests.signaling.carol import caller as carol_calls

ACCOUNTS = ("carol:secret", "alice:wonder")


def guarded(arena: Arena, *, challenge: str = "0.0.0.0/0", **auth: object) -> None:
    """Let Bob challenge."""
    settings = AuthSettings(accounts=ACCOUNTS, challenge=(challenge,), **auth)  # type: ignore[arg-type]
    arena.bob = arena.station("bob", BOB, settings=Settings(auth=settings))


def challenges(response: Response) -> list[Header]:
    return [("WWW-Authenticate", value) for value in every(response, "WWW-Authenticate")]


def credentials(
    response: Response, *, user: str = "carol", password: str = "secret", count: int = 1
) -> Header:
    header = authorize(
        challenges(response),
        method="INVITE",
        uri=f"sip:bob@{BOB}",
        user=user,
        password=password,
        body=MEDIA,
        cnonce="c",
        nonce_count=count,
    )
    assert header is not None
    return header


def invite(arena: Arena, carol: Caller, *headers: Header) -> Response:
    """Send an INVITE and return its final answer; a failure is acknowledged."""
    request = carol.request("INVITE", body=MEDIA, headers=headers)
    carol.send(request)
    number = carol.number
    arena.network.run(until=lambda: bool(heard(carol, number)), seconds=5.0)
    response = heard(carol, number)[-1]
    if response.status >= 300:
        branch = f"z9hG4bK-{carol.call_id}-INVITE-{number}"
        tag = re.search(r"tag=(\S+)", dict(response.headers)["To"])
        ack = carol.request("ACK", number=number, branch=branch)
        named = f"<sip:bob@{BOB}>;tag={tag[1] if tag else ''}"
        headers_ = [(n, named if n == "To" else v) for n, v in ack.headers]
        carol.send(Request(method="ACK", uri=ack.uri, headers=headers_, body=b""))
    return response


def test_our_own_engine_gets_in_with_the_password_and_not_without(arena: Arena) -> None:
    guarded(arena)
    mine, _ = arena.call(user="alice", password="wonder", from_uri="sip:alice@192.0.2.1")
    assert arena.network.ladder.labels("bob")[:2] == ["100 INVITE 1", "401 INVITE 1"] or (
        arena.network.ladder.labels("bob")[0] == "401 INVITE 1"
    )
    arena.alice.hang_up_all()
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)), seconds=5.0)
    wrong = arena.alice.dial(TO_BOB, user="alice", password="tea")
    arena.network.run(until=lambda: len(arena.alice.heard(Ended)) == 2, seconds=5.0)
    ended = arena.alice.heard(Ended)[-1]
    assert (ended.call, ended.outcome, ended.status) == (wrong, Outcome.REJECTED, 401)
    assert len(arena.bob.heard(IncomingCall)) == 1
    assert mine != wrong


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_each_algorithm(arena: Arena, algorithm: str) -> None:
    guarded(arena, algorithms=(algorithm,))
    carol = carol_calls(arena)
    arena.bob_answers(ring=None, after=0.1)
    first = invite(arena, carol)
    assert first.status == 401
    assert [f"algorithm={algorithm}" in value for _, value in challenges(first)] == [True]
    _finish(arena, carol, invite(arena, carol, credentials(first)))


def test_both_are_offered_the_better_first(arena: Arena) -> None:
    guarded(arena)
    first = invite(arena, carol_calls(arena))
    found = [re.search(r"algorithm=([^,]+)", value) for _, value in challenges(first)]
    assert [match and match[1] for match in found] == ["SHA-256", "MD5"]


def test_md5_is_refused_where_it_is_not_allowed(arena: Arena) -> None:
    guarded(arena, algorithms=("SHA-256",))
    carol = carol_calls(arena)
    first = invite(arena, carol)
    (name, value), *_ = challenges(first)
    weaker = Response(
        status=401, reason="", headers=[(name, value.replace("SHA-256", "MD5"))], body=b""
    )
    assert invite(arena, carol, credentials(weaker)).status == 401
    assert arena.bob.heard(IncomingCall) == []


def test_an_answer_is_good_once(arena: Arena) -> None:
    guarded(arena)
    carol = carol_calls(arena)
    arena.bob_answers(ring=None, after=0.1)
    answer = credentials(invite(arena, carol))
    _finish(arena, carol, invite(arena, carol, answer))
    thief = Caller(arena.puppet("carol", CAROL), BOB, call_id="stolen")
    replayed = invite(arena, thief, answer)
    assert (replayed.status, "stale=true" in challenges(replayed)[0][1]) == (401, True)
    assert len(arena.bob.heard(IncomingCall)) == 1


def test_the_same_nonce_serves_again_with_a_higher_count(arena: Arena) -> None:
    guarded(arena)
    carol = carol_calls(arena)
    arena.bob_answers(ring=None, after=0.1)
    first = invite(arena, carol)
    _finish(arena, carol, invite(arena, carol, credentials(first)))
    again = Caller(carol.puppet, BOB, call_id="again")
    _finish(arena, again, invite(arena, again, credentials(first, count=2)))


def test_a_nonce_grows_old(arena: Arena) -> None:
    guarded(arena, nonce_lifetime=10.0)
    carol = carol_calls(arena)
    first = invite(arena, carol)
    arena.network.run(seconds=11.0)
    late = invite(arena, carol, credentials(first))
    assert (late.status, "stale=true" in challenges(late)[0][1]) == (401, True)


def test_a_nonce_that_we_did_not_make(arena: Arena) -> None:
    guarded(arena)
    carol = carol_calls(arena)
    (name, value), *_ = challenges(invite(arena, carol))
    forged = re.sub(r'nonce="[^"]*"', f'nonce="{"0" * 60}"', value)
    answer = credentials(Response(status=401, reason="", headers=[(name, forged)], body=b""))
    assert invite(arena, carol, answer).status == 401


def test_strangers_and_wrong_passwords_get_the_same_answer(arena: Arena) -> None:
    guarded(arena)
    carol = carol_calls(arena)
    first = invite(arena, carol)
    said: list[str] = []
    for user, password in (("carol", "wrong"), ("nobody", "secret")):
        response = invite(arena, carol, credentials(first, user=user, password=password))
        text = re.sub(r'(nonce|tag|branch)="?[^",;]*"?', r"\1", str(response.headers))
        said.append(f"{response.status} {re.sub(r'CSeq.*?[)]', '', text)}")
    assert said[0] == said[1]


def test_an_account_cannot_speak_for_another(arena: Arena) -> None:
    guarded(arena)
    carol = carol_calls(arena)
    first = invite(arena, carol)
    other = credentials(first, user="alice", password="wonder")
    assert invite(arena, carol, other).status == 403


def test_who_says_to_be_an_account_is_challenged_from_anywhere(arena: Arena) -> None:
    guarded(arena, challenge="198.51.100.0/24")
    assert invite(arena, carol_calls(arena)).status == 401
    arena.call()
    assert len(arena.bob.heard(Answered)) == 1, "a stranger from elsewhere is not challenged"
    arena.alice.hang_up_all()


@pytest.mark.parametrize("user", ["carol", "nobody"])
def test_at_our_hosts_users_that_exist_and_that_do_not_get_the_same(
    arena: Arena, user: str
) -> None:
    guarded(arena, challenge="198.51.100.0/24")
    carol = carol_calls(arena)
    request = carol.request("INVITE", body=MEDIA)
    ours = ("From", f"<sip:{user}@{BOB}>;tag=theirs")
    request.headers = [ours if name == "From" else (name, value) for name, value in request.headers]
    carol.send(request)
    arena.network.run(until=lambda: bool(heard(carol, carol.number)), seconds=5.0)
    response = heard(carol, carol.number)[-1]
    assert (response.status, len(challenges(response))) == (401, 2)
    assert not arena.bob.heard(IncomingCall)


def test_an_account_that_is_spelt_otherwise_is_still_that_account(arena: Arena) -> None:
    guarded(arena, challenge="198.51.100.0/24")
    carol = carol_calls(arena)
    carol.puppet.name = "c%61rol"
    assert invite(arena, carol).status == 401


def test_trusted_sources_are_not_challenged(arena: Arena) -> None:
    guarded(arena, trust=("192.0.2.0/24",))
    arena.call()
    arena.alice.hang_up_all()


def _finish(arena: Arena, carol: Caller, response: Response) -> None:
    assert response.status == 200
    carol.learn(response)
    carol.acknowledge(carol.number)
    carol.send(carol.request("BYE"))
    arena.network.run(seconds=1.0)
