"""Re-INVITEs: taken, refused without a trace, and late."""

from bus.calls import MediaChanged, Outcome
from signaling.sip.message import first
from tests.harness.arena import CAROL, Arena
from tests.signaling.carol import MEDIA, MOVED, connected, heard


def test_the_stream_follows_and_the_owner_is_told(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("INVITE", body=MOVED))
    arena.network.run(seconds=0.1)
    carol.acknowledge(2)
    (changed,) = arena.bob.heard(MediaChanged)
    assert changed.remote_media == f"{CAROL}:49180"
    (stream,) = arena.bob.worker.open_streams
    assert stream.remotes[-1].port == 49180
    arena.bob.hang_up_all()


def test_a_refused_one_changes_nothing(arena: Arena) -> None:
    carol = connected(arena)
    before = list(arena.bob.worker.open_streams[0].remotes)
    carol.send(carol.request("INVITE", body=MOVED.replace(b"m=audio", b"m=video")))
    arena.network.run(seconds=0.1)
    assert [response.status for response in heard(carol, 2)] == [488]
    assert arena.bob.worker.open_streams[0].remotes == before
    assert not arena.bob.heard(MediaChanged)
    arena.bob.hang_up_all()


def test_a_second_before_the_ack_of_the_first_has_to_wait(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("INVITE", body=MOVED))
    arena.network.run(seconds=0.05)
    carol.send(carol.request("INVITE", body=MEDIA))
    arena.network.run(seconds=0.05)
    (refused,) = heard(carol, 3)
    assert (refused.status, 0 <= int(first(refused, "Retry-After") or "-1") <= 10) == (500, True)
    carol.acknowledge(2)
    arena.bob.hang_up_all()


def test_an_ack_after_the_end_settles_the_call_without_a_word(arena: Arena) -> None:
    """The owner has heard the end: no news of media after that."""
    carol = connected(arena)
    carol.send(carol.request("INVITE"))
    arena.network.run(seconds=0.1)
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.bob.ended().outcome is Outcome.COMPLETED
    carol.acknowledge(2, body=MOVED)
    arena.network.run(seconds=0.1)
    assert not arena.bob.state.calls
    assert not arena.bob.heard(MediaChanged)


def test_an_answer_that_is_none_ends_the_call(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("INVITE"))
    arena.network.run(seconds=0.1)
    carol.acknowledge(2, body=b"v=0\r\n")
    arena.network.run(seconds=1.0)
    assert arena.bob.ended().outcome is Outcome.MEDIA_NOT_ACCEPTABLE
    assert len(carol.puppet.of("BYE")) == 1
