"""Scenario 28: which codec a call has, under which payload type, and what happens without one."""

import pytest

from bus.calls import Answer, Answered, Ended, IncomingCall, MediaChanged, Outcome
from bus.errors import BadRequestError, WrongStateError
from bus.settings import MediaSettings, Settings
from bus.streams import Remote
from signaling.sip.message import Request
from tests.harness.arena import ALICE, BOB, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Caller, Puppet
from tests.scenarios.test_reinvite import bye, connected, final, heard, media, reinvite
from tests.signaling.sdp.bodies import audio

CAROL = "192.0.2.3"


def answers(arena: Arena, body: bytes) -> Puppet:
    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            puppet.answer(request, 200, body=body)
        elif request.method == "BYE":
            puppet.answer(request, 200)

    return arena.puppet("carol", CAROL, handler)


def dialled(arena: Arena, body: bytes, *codecs: str) -> Remote:
    """Let Carol answer Alice's call with this; return where Alice's stream was aimed."""
    answers(arena, body)
    arena.alice.dial(TO_CAROL, codecs=codecs)
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    arena.network.run(seconds=0.1)
    return arena.alice.worker.open_streams[0].remotes[-1]


@pytest.mark.parametrize(
    ("name", "clock", "rate"), [("G722", 8000, 16000), ("opus", 48000, 16000), ("PCMA", 8000, 8000)]
)
def test_two_engines_with_one_codec_only(arena: Arena, name: str, clock: int, rate: int) -> None:
    arena.bob.react(
        IncomingCall, lambda event: arena.bob.send(Answer(call=event.call, codecs=(name,)))
    )
    offered = ("PCMU", "PCMA", "G722", "opus")
    arena.alice.dial("sip:bob@192.0.2.2", codecs=offered)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    arena.network.run(seconds=0.1)
    for side in (arena.alice, arena.bob):
        (answered,) = side.heard(Answered)
        assert (answered.codec, answered.rate) == (name, rate)
        remote = side.worker.open_streams[0].remotes[-1]
        assert (remote.codec, remote.clock) == (name, clock)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_the_payload_type_that_the_peer_chose_is_sent_and_ours_is_heard(arena: Arena) -> None:
    answer = audio("120 110", "rtpmap:120 opus/48000/2", address=CAROL)
    remote = dialled(arena, answer.replace(b":101 ", b":110 "), "opus")
    assert (remote.payload_type, remote.receive_payload_type) == (120, 96)
    assert (remote.events_payload_type, remote.receive_events_payload_type) == (110, 101)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_a_peer_that_answers_with_several_may_send_any(arena: Arena) -> None:
    remote = dialled(arena, audio("9 0 101", address=CAROL), "PCMU", "G722", "opus")
    assert (remote.codec, remote.payload_type) == ("G722", 9)
    assert remote.also == {0: "PCMU/8000", 96: "opus/48000"}
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_no_common_codec_is_488(arena: Arena) -> None:
    arena.bob_answers()
    carol = Caller(arena.puppet("carol", CAROL), BOB)
    carol.send(carol.request("INVITE", body=audio("96 3", "rtpmap:96 speex/16000", address=CAROL)))
    arena.network.run(until=heard(carol, "1 INVITE"))
    response = final(carol)
    assert response is not None
    assert response.status == 488
    assert not arena.bob.heard(IncomingCall)


def test_an_answer_with_a_codec_that_was_not_offered_ends_the_call(arena: Arena) -> None:
    answers(arena, audio("8 101", address=CAROL))
    arena.alice.dial(TO_CAROL, codecs=("G722",))
    arena.network.run(seconds=2.0)
    assert arena.alice.ended().outcome is Outcome.MEDIA_NOT_ACCEPTABLE


def test_the_codec_changes_in_a_reinvite(arena: Arena) -> None:
    carol = connected(arena)
    response = reinvite(arena, carol, media(formats="9 101", version=2))
    assert response.status == 200
    assert b" RTP/AVP 9 101\r\n" in response.body
    changed = arena.bob.heard(MediaChanged)[-1]
    assert (changed.codec, changed.rate) == ("G722", 16000)
    assert [each.codec for each in arena.bob.worker.open_streams[0].remotes] == ["PCMU", "G722"]
    bye(arena, carol)


def test_a_call_outlives_a_reinvite_without_a_codec_of_ours(arena: Arena) -> None:
    carol = connected(arena)
    assert reinvite(arena, carol, media(formats="3", version=2)).status == 488
    assert not arena.bob.heard(MediaChanged)
    assert not arena.bob.heard(Ended)
    assert arena.bob.worker.open_streams[0].remotes[-1].codec == "PCMU"
    bye(arena, carol)


def test_what_the_worker_lacks_is_not_offered(arena: Arena) -> None:
    """Its stand-in has no G.729."""
    carol = answers(arena, audio("0 101", address=CAROL))
    arena.alice.dial(TO_CAROL, codecs=("G729", "PCMU"))
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    (invite,) = carol.of("INVITE")
    assert b" RTP/AVP 0 101\r\n" in invite.body
    with pytest.raises(BadRequestError, match="library"):
        arena.alice.dial(TO_CAROL, codecs=("G729",))
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_a_call_that_cannot_be_answered_so_rings_on(arena: Arena) -> None:
    asked = arena.alice.dial("sip:bob@192.0.2.2", codecs=("PCMU",))
    arena.network.run(until=lambda: bool(arena.bob.heard(IncomingCall)))
    (incoming,) = arena.bob.heard(IncomingCall)
    with pytest.raises(WrongStateError, match="no codec of ours"):
        arena.bob.ask(Answer(call=incoming.call, codecs=("opus",)))
    assert not arena.bob.heard(Ended)
    arena.bob.send(Answer(call=incoming.call, codecs=("PCMU",)))
    arena.network.run(until=lambda: arena.alice_is_up(asked))
    arena.network.run(seconds=0.5)
    assert arena.bob.heard(Answered)[-1].codec == "PCMU"
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


@pytest.mark.parametrize(("dtx", "taken"), [(True, 13), (False, -1)])
def test_two_engines_agree_on_comfort_noise_if_both_want_it(
    arena: Arena, dtx: bool, taken: int
) -> None:
    wants = Settings(media=MediaSettings(dtx=True))
    arena.alice = arena.station("alice", ALICE, settings=wants)
    arena.bob = arena.station("bob", BOB, settings=wants if dtx else Settings())
    arena.bob_answers()
    arena.alice.dial("sip:bob@192.0.2.2")
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    arena.network.run(seconds=0.1)
    for side in (arena.alice, arena.bob):
        remote = side.worker.open_streams[0].remotes[-1]
        assert (remote.codec, remote.events_payload_type) == ("PCMU", 101)
        assert remote.noise_payload_type == remote.receive_noise_payload_type == taken
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
