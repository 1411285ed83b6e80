import msgspec
import pytest

from bus.calls import Calls, Dial, Dialled, Hello, ListCalls, Ok, Ping, Progress, Snapshot, Welcome
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Event, Refused, Request
from bus.errors import BadRequestError, EngineLostError, FrameError
from bus.ids import CallId, PeerId
from bus.protocol import Command
from bus.registrations import RegistrationChanged, RegistrationInfo
from bus.session import (
    LOST_AFTER,
    PING_EVERY,
    Happened,
    Joined,
    Lost,
    NotAdmitted,
    Replied,
    RequestFailed,
    Session,
    Signal,
    Transmit,
)
from bus.transfers import TransferAsked

COMMANDS = msgspec.msgpack.Decoder(Command)
PROGRESS = Progress(call=CallId("c"), status=180, reason="Ringing")


def session() -> Session:
    return Session(PeerId("me"), "i1")


def sent(signals: list[Signal]) -> list[tuple[Request, Command]]:
    """The requests among the signals, decoded."""
    found: list[tuple[Request, Command]] = []
    for signal in signals:
        if isinstance(signal, Transmit):
            request = decode_frame(signal.frame)
            assert isinstance(request, Request)
            found.append((request, decode_body(COMMANDS, request.body)))
    return found


def done(id: int, body: msgspec.Struct) -> bytes:
    return encode(Done(id=id, body=raw(body)))


def refused(id: int, code: str) -> bytes:
    return encode(Refused(id=id, code=code, reason="because"))


def event(sequence: int, body: msgspec.Struct = PROGRESS) -> bytes:
    return encode(Event(sequence=sequence, body=raw(body), at=7.0))


def welcome(name: str = "s1", sequence: int = 0) -> Welcome:
    return Welcome(session=name, sequence=sequence, events="ipc://feed")


def joined(now: float = 0.0) -> Session:
    """A session that was welcomed."""
    made = session()
    made.hello(now)
    made.receive(done(1, welcome()), now)
    return made


def test_hello_is_request_one_and_has_no_session() -> None:
    [(request, body)] = sent(session().hello(0.0))
    assert (request.id, request.session) == (1, "")
    assert body == Hello(peer=PeerId("me"), incarnation="i1")


def test_nothing_is_sent_before_welcome() -> None:
    made = session()
    made.hello(0.0)
    id, signals = made.request(ListCalls(), 0.0)
    assert signals == []
    answer = made.receive(done(1, welcome()), 0.1)
    assert isinstance(answer[0], Joined)
    assert answer[0].fresh
    [(request, body)] = sent(answer)
    assert (request.id, request.session, body) == (id, "s1", ListCalls())


def test_requests_carry_session_and_deadline_and_get_their_reply() -> None:
    made = joined()
    id, signals = made.request(ListCalls(), 0.0, deadline=99.0)
    [(request, _)] = sent(signals)
    assert (request.session, request.deadline) == ("s1", 99.0)
    assert made.receive(done(id, Calls(calls=())), 0.1) == [Replied(id, Calls(calls=()))]
    assert made.receive(done(id, Calls(calls=())), 0.2) == []  # said twice


def test_a_refusal_is_the_exception_of_its_code() -> None:
    made = joined()
    id, _ = made.request(Dial(uri="nonsense"), 0.0)
    [failed] = made.receive(refused(id, "bad_request"), 0.1)
    assert isinstance(failed, RequestFailed)
    assert isinstance(failed.error, BadRequestError)


def test_a_reply_of_an_unknown_kind_fails_the_request_only() -> None:
    made = joined()
    id, _ = made.request(ListCalls(), 0.0)
    [failed] = made.receive(done(id, PROGRESS), 0.1)
    assert isinstance(failed, RequestFailed)
    assert failed.id == id


def test_a_request_without_reply_fails_in_time() -> None:
    made = joined()
    id, _ = made.request(ListCalls(), 0.0, timeout=2.0)
    made.receive(event(1), 1.9)
    signals = made.wake(2.0)
    assert [s.id for s in signals if isinstance(s, RequestFailed)] == [id]


def test_a_stale_session_fails_what_is_pending_and_says_hello_again() -> None:
    made = joined()
    first, _ = made.request(ListCalls(), 0.0)
    second, _ = made.request(Dial(uri="sip:a@b"), 0.0)
    signals = made.receive(refused(first, "stale_session"), 0.5)
    failed = {s.id: s.error for s in signals if isinstance(s, RequestFailed)}
    assert set(failed) == {first, second}
    assert all(isinstance(error, EngineLostError) for error in failed.values())
    [(hello, body)] = sent(signals)
    assert isinstance(body, Hello)
    assert hello.session == ""
    [again] = made.receive(done(hello.id, welcome("s2")), 0.6)
    assert isinstance(again, Joined)
    assert again.fresh
    [(request, _)] = sent(made.request(ListCalls(), 0.7)[1])
    assert request.session == "s2"


def test_a_stale_ping_is_noticed_too() -> None:
    made = joined()
    [(ping, body)] = sent(made.wake(PING_EVERY))
    assert isinstance(body, Ping)
    [(_, hello)] = sent(made.receive(refused(ping.id, "stale_session"), 1.1))
    assert isinstance(hello, Hello)


def test_events_in_order_are_told() -> None:
    made = joined()
    assert made.receive(event(1), 0.1) == [Happened(PROGRESS, 7.0)]
    assert made.receive(event(2), 0.1) == [Happened(PROGRESS, 7.0)]
    assert made.holes == 0


def test_what_belongs_to_no_call_is_told_too() -> None:
    info = RegistrationInfo(aor="sip:a@b", registrar="sip:b", state="trying", owner=PeerId("me"))
    changed = RegistrationChanged(registration=info)
    asked = TransferAsked(transfer="t", call=CallId(""), uri="sip:c@d")
    made = joined()
    assert made.receive(event(1, changed), 0.1) == [Happened(changed, 7.0)]
    assert made.receive(event(2, asked), 0.1) == [Happened(asked, 7.0)]


def test_an_event_twice_is_told_once() -> None:
    made = joined()
    made.receive(event(1), 0.1)
    assert made.receive(event(1), 0.1) == []


def test_a_hole_fetches_how_things_stand_within_the_session() -> None:
    made = joined()
    id, _ = made.request(ListCalls(), 0.0)
    signals = made.receive(event(4), 0.1)
    assert signals[0] == Happened(PROGRESS, 7.0)
    [(hello, body)] = sent(signals)
    assert isinstance(body, Hello)
    assert made.holes == 3
    [again] = made.receive(done(hello.id, welcome("s1", 4)), 0.2)
    assert isinstance(again, Joined)
    assert not again.fresh
    assert made.receive(done(id, Calls(calls=())), 0.3) == [Replied(id, Calls(calls=()))]
    assert made.receive(event(5), 0.3) == [Happened(PROGRESS, 7.0)]


def test_a_restart_behind_a_hole_is_a_loss_all_the_same() -> None:
    made = joined()
    id, _ = made.request(ListCalls(), 0.0)
    [(hello, _)] = sent(made.receive(event(4), 0.1))
    signals = made.receive(done(hello.id, welcome("s2")), 0.2)
    assert [s.id for s in signals if isinstance(s, RequestFailed)] == [id]
    assert [s.fresh for s in signals if isinstance(s, Joined)] == [True]


def test_an_event_of_a_newer_engine_is_passed_over() -> None:
    made = joined()
    assert made.receive(event(1, Ok()), 0.1) == []
    assert made.receive(event(2, Snapshot(calls=())), 0.1) == [Happened(Snapshot(calls=()), 7.0)]


def test_it_pings_every_second_and_knows_when() -> None:
    made = joined()
    assert made.deadline() == PING_EVERY
    assert [type(body) for _, body in sent(made.wake(PING_EVERY))] == [Ping]
    assert made.deadline() == 2 * PING_EVERY
    assert made.wake(1.5) == []


def test_silence_loses_the_engine_once_and_hellos_go_on() -> None:
    made = joined()
    id, _ = made.request(ListCalls(), 0.0)
    signals = made.wake(LOST_AFTER)
    assert [type(s) for s in signals].count(Lost) == 1
    assert id in [s.id for s in signals if isinstance(s, RequestFailed)]
    for now in (6.0, 7.0, 8.0):
        later = made.wake(now)
        assert not [s for s in later if isinstance(s, Lost)]
        assert [type(body) for _, body in sent(later)] == [Hello]
    [(hello, _)] = sent(made.wake(9.0))
    [back] = made.receive(done(hello.id, welcome("s2")), 9.1)
    assert isinstance(back, Joined)
    assert back.fresh


def test_pings_that_are_answered_keep_it() -> None:
    made = joined()
    for now in range(1, 20):
        for ping, body in sent(made.wake(float(now))):
            assert isinstance(body, Ping)
            made.receive(done(ping.id, Ok()), now + 0.1)
    assert made.name == "s1"


def test_a_hello_that_is_refused_says_so() -> None:
    made = session()
    made.hello(0.0)
    [signal] = made.receive(refused(1, "bad_request"), 0.1)
    assert isinstance(signal, NotAdmitted)


@pytest.mark.parametrize(
    "frame",
    [b"", b"\xc1", b"hello", encode(Request(id=1, body=raw(Ok()))), done(1, Ok())[:-1]],
    ids=["empty", "no MessagePack", "text", "a request", "truncated"],
)
def test_what_is_no_frame_for_us_raises_and_leaves_no_trace(frame: bytes) -> None:
    made = joined()
    with pytest.raises(FrameError):
        made.receive(frame, 0.1)
    assert made.receive(event(1), 0.2) == [Happened(PROGRESS, 7.0)]


def test_a_dial_is_answered_with_its_call() -> None:
    made = joined()
    id, _ = made.request(Dial(uri="sip:a@b"), 0.0)
    reply = Dialled(call=CallId("c1"))
    assert made.receive(done(id, reply), 0.1) == [Replied(id, reply)]
