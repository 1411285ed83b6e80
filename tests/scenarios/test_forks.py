"""Scenario 24: an INVITE that is forked, and its early dialogs (RFC 3261 12.1, 13.2.2.4)."""

from collections.abc import Callable

import pytest

from bus.calls import Answered, DigitReceived, Ended, Progress
from signaling.sip.message import Request, Response, first
from tests.harness.arena import ALICE, CAROL, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet
from tests.signaling.sdp.bodies import audio

HER_OFFICE = audio("0 101", address=CAROL, port=40000)
HER_CELL = audio("8 101", address=CAROL, port=50000)

Act = Callable[[Puppet, Request], object]


def forking(arena: Arena, *agenda: tuple[float, Act], bye: bool = True) -> Puppet:
    """Let a proxy fork the call to Carol: each act at its instant after the INVITE."""

    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            for at, act in agenda:
                puppet.later(at, lambda act=act: act(puppet, request))  # type: ignore[misc]
        elif request.method in ("BYE", "PRACK", "CANCEL") and bye:
            puppet.answer(request, 200)

    return arena.puppet("carol", CAROL, handler)


def said(status: int, tag: str, body: bytes = b"") -> Act:
    return lambda puppet, request: puppet.answer(request, status, tag=tag, body=body)


def reliably(status: int, tag: str, number: int, body: bytes = b"") -> Act:
    headers = [("Require", "100rel"), ("RSeq", str(number))]
    return lambda puppet, request: puppet.answer(
        request, status, tag=tag, body=body, headers=headers
    )


def from_fork(
    puppet: Puppet, invite: Request, method: str, tag: str, number: int = 1, body: bytes = b""
) -> None:
    """Send a request of a fork in its dialog."""
    of_body = "application/sdp" if method == "UPDATE" else "application/dtmf"
    kind = [("Content-Type", of_body)] if body else []
    puppet.send(
        Request(
            method=method,
            uri=f"sip:offhook@{ALICE}:5060",
            headers=[
                ("Via", f"SIP/2.0/UDP {CAROL}:5060;branch=z9hG4bK-{tag}-{method}-{number}"),
                ("Max-Forwards", "70"),
                ("From", f"{first(invite, 'To')};tag={tag}"),
                ("To", first(invite, "From") or ""),
                ("Call-ID", first(invite, "Call-ID") or ""),
                ("CSeq", f"{number} {method}"),
                *kind,
            ],
            body=body,
        ),
        f"udp:{ALICE}:5060",
    )


def tags(requests: list[Request]) -> list[str]:
    return [(first(request, "To") or "").partition("tag=")[2] for request in requests]


def ports(arena: Arena) -> list[int]:
    """Return where the stream was told to send, each time."""
    (stream,) = arena.alice.worker.streams.values()
    return [remote.port for remote in stream.remotes]


def end(arena: Arena) -> None:
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_media_follow_the_latest_fork_and_then_the_winner(arena: Arena) -> None:
    carol = forking(
        arena,
        (0.1, said(183, "office", HER_OFFICE)),
        (0.2, said(183, "cell", HER_CELL)),
        (0.3, said(180, "office")),
        (0.4, said(200, "office", HER_OFFICE)),
        (0.5, said(200, "cell", HER_CELL)),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    assert ports(arena) == [40000, 50000, 40000]
    assert [(p.status, p.early_media) for p in arena.alice.heard(Progress)] == [
        (183, True),
        (183, True),
        (180, True),
    ]
    (answered,) = arena.alice.heard(Answered)
    assert (answered.codec, answered.remote_media) == ("PCMU", f"{CAROL}:40000")
    assert tags(carol.of("ACK")) == ["office", "cell"]
    assert tags(carol.of("BYE")) == ["cell"]
    end(arena)
    assert tags(carol.of("BYE")) == ["cell", "office"]


def test_a_winner_that_was_not_heard_before(arena: Arena) -> None:
    forking(arena, (0.1, said(183, "office", HER_OFFICE)), (0.2, said(200, "cell", HER_CELL)))
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=1.0)
    assert ports(arena) == [40000, 50000]
    assert arena.alice.heard(Answered)[0].codec == "PCMA"
    end(arena)


def test_each_fork_has_its_own_answer(arena: Arena) -> None:
    """A 2xx without a description is answered by its own fork's, not by the latest one's."""
    forking(
        arena,
        (0.1, said(183, "office", HER_OFFICE)),
        (0.2, said(183, "cell", HER_CELL)),
        (0.4, said(200, "office")),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=1.0)
    assert ports(arena) == [40000, 50000, 40000]
    end(arena)


def test_each_copy_of_a_late_2xx_gets_its_ack_and_one_bye(arena: Arena) -> None:
    carol = forking(
        arena,
        (0.1, reliably(183, "cell", 7)),
        (0.2, said(200, "office", HER_OFFICE)),
        (0.3, said(200, "cell", HER_CELL)),
        (0.8, said(200, "cell", HER_CELL)),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    assert tags(carol.of("ACK")) == ["office", "cell", "cell"]
    (bye,) = carol.of("BYE")
    (prack,) = carol.of("PRACK")
    assert (first(prack, "CSeq"), first(bye, "CSeq")) == ("2 PRACK", "3 BYE")
    end(arena)


def test_reliable_responses_of_two_forks_are_counted_apart(arena: Arena) -> None:
    carol = forking(
        arena,
        (0.1, reliably(183, "office", 7, HER_OFFICE)),
        (0.2, reliably(183, "cell", 100, HER_CELL)),
        (0.3, reliably(180, "office", 8)),
        (0.4, reliably(183, "cell", 100, HER_CELL)),
        (0.6, said(200, "cell", HER_CELL)),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    assert tags(carol.of("PRACK")) == ["office", "cell", "office"]
    racks = [first(request, "RAck") for request in carol.of("PRACK")]
    assert racks == ["7 1 INVITE", "100 1 INVITE", "8 1 INVITE"]
    assert [first(r, "CSeq") for r in carol.of("PRACK")] == ["2 PRACK", "2 PRACK", "3 PRACK"]
    assert ports(arena) == [40000, 50000]
    end(arena)


def test_requests_of_every_early_dialog_find_the_call(arena: Arena) -> None:
    def ask(method: str, tag: str, body: bytes = b"") -> Act:
        return lambda puppet, request: from_fork(puppet, request, method, tag, body=body)

    carol = forking(
        arena,
        (0.1, said(180, "office")),
        (0.2, said(180, "cell")),
        (0.3, ask("INFO", "office", b"1")),
        (0.4, ask("INFO", "cell", b"2")),
        (0.45, ask("BYE", "office")),  # it may not, and its INVITE is not answered by that
        (0.5, ask("OPTIONS", "nobody")),
        (0.6, said(200, "cell", HER_CELL)),
        (0.7, ask("OPTIONS", "office")),
        (0.8, ask("OPTIONS", "cell")),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    assert [event.digit for event in arena.alice.heard(DigitReceived)] == ["1", "2"]
    assert [(r.status, _tag(r)) for r in carol.responses] == [
        (200, "office"),
        (200, "cell"),
        (200, "office"),
        (481, "nobody"),
        (481, "office"),  # over since the other one won
        (200, "cell"),
    ]
    end(arena)


def test_an_update_in_one_early_dialog_leaves_the_others_alone(arena: Arena) -> None:
    moved = audio("8 101", address=CAROL, port=50002, version=2)
    carol = forking(
        arena,
        (0.1, said(183, "cell", HER_CELL)),
        (0.2, lambda puppet, request: from_fork(puppet, request, "UPDATE", "cell", body=moved)),
        (0.3, said(200, "office", HER_OFFICE)),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    assert [response.status for response in carol.responses] == [200]
    assert ports(arena) == [50000, 50002, 40000]
    assert arena.alice.heard(Answered)
    end(arena)


def test_after_an_update_the_answer_of_the_invite_is_history(arena: Arena) -> None:
    moved = audio("8 101", address=CAROL, port=50002, version=2)
    forking(
        arena,
        (0.1, reliably(183, "cell", 1, HER_CELL)),
        (0.2, lambda puppet, request: from_fork(puppet, request, "UPDATE", "cell", body=moved)),
        (0.3, said(200, "cell", HER_CELL)),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    assert ports(arena) == [50000, 50002]
    assert arena.alice.heard(Answered)
    assert not any("unusable" in line for line in arena.alice.logs)
    end(arena)


def _tag(response: Response) -> str:
    return (first(response, "From") or "").partition("tag=")[2]


@pytest.mark.parametrize("status", [486, 487])
def test_early_dialogs_end_with_the_invite(arena: Arena, status: int) -> None:
    carol = forking(
        arena,
        (0.1, said(183, "office", HER_OFFICE)),
        (0.2, said(180, "cell")),
        (0.3, said(status, "proxy")),
        (0.4, lambda puppet, request: from_fork(puppet, request, "OPTIONS", "office")),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=2.0)
    assert arena.alice.ended().status == status
    assert [response.status for response in carol.responses] == [481]
    assert not arena.alice.state.by_dialog


def test_media_of_an_early_dialog_stop_when_the_invite_is_challenged(arena: Arena) -> None:
    """And the INVITE that follows counts on from what the early dialog has used."""
    challenge = [("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')]

    def second_time(puppet: Puppet, request: Request) -> None:
        if first(request, "Authorization"):
            puppet.answer(request, 200, tag="cell", body=HER_CELL)
        else:
            puppet.answer(request, 401, tag="proxy", headers=challenge)

    def early(puppet: Puppet, request: Request) -> None:
        if not first(request, "Authorization"):
            reliably(183, "office", 7, HER_OFFICE)(puppet, request)

    carol = forking(arena, (0.1, early), (0.2, second_time))
    arena.alice.dial(TO_CAROL, user="alice", password="wonder")
    arena.network.run(seconds=2.0)
    (stream,) = arena.alice.worker.streams.values()
    assert [(r.port, r.send) for r in stream.remotes] == [
        (40000, True),
        (40000, False),
        (50000, True),
    ]
    assert [first(r, "CSeq") for r in carol.of("INVITE")] == ["1 INVITE", "3 INVITE"]
    end(arena)


def test_a_cancelled_call_with_two_early_dialogs(arena: Arena) -> None:
    carol = forking(
        arena,
        (0.1, said(183, "office", HER_OFFICE)),
        (0.2, said(180, "cell")),
        (0.35, said(200, "cell", HER_CELL)),
    )
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=0.33)
    arena.alice.hang_up_all()
    arena.network.run(seconds=2.0)
    assert len(carol.of("CANCEL")) == 1
    assert tags(carol.of("ACK")) == tags(carol.of("BYE")) == ["cell"]
    assert len(arena.alice.heard(Ended)) == 1
    assert not arena.alice.heard(Answered)


def test_whoever_answers_with_ever_new_tags_gets_no_more_memory(arena: Arena) -> None:
    early = [(0.01 + 0.001 * n, said(180, f"tag{n}")) for n in range(500)]
    late = [(2.0 + 0.001 * n, said(200, f"late{n}", HER_CELL)) for n in range(500)]
    carol = forking(arena, *early, (1.0, said(200, "winner", HER_OFFICE)), *late)
    arena.alice.dial(TO_CAROL)
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)), seconds=5.0)
    assert len(arena.alice.state.by_dialog) < 100
    arena.network.run(seconds=3.0)
    assert len(carol.of("BYE")) < 100
    (call,) = arena.alice.state.calls.values()
    assert len(call.forks) < 100
    end(arena)
