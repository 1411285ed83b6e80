"""SCENARIO 21: attended transfer among three, with linphonec in each of the three roles.

The others are two engines of ours.  Afterwards the transferor has no call left, and the other two
hear each other; each has a song of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from tests.peers.capture import Capture, RtpSeen, SipSeen
from tests.peers.engine import Engine
from tests.peers.hand import media_port
from tests.peers.hearing import check_hears, decoded
from tests.peers.linphone import Linphone
from tests.peers.plain_client import Fields, PlainClient
from tests.peers.ports import is_free
from tools.sound import Samples, read_wav, tune, write_wav

pytestmark = [pytest.mark.peer("linphonec", "capture"), pytest.mark.timeout(60)]

SONGS = {name: tune(12.0, seed) for seed, name in enumerate(("phone", "first", "second"), 6)}
TALK = 2.2
"""Seconds that the remaining two talk: a song is looked for in a second of it."""


SIP_PORT = 5060


@dataclass
class Party:
    """An engine with its client and its song."""

    engine: Engine
    app: PlainClient
    song: Samples
    folder: Path

    @property
    def play(self) -> Fields:
        """Our song as a source."""
        path = self.folder / f"{self.engine.sip_port}.wav"
        if not path.exists():
            write_wav(path, self.song)
        return {"source": "wave", "path": str(path)}

    @property
    def uri(self) -> str:
        """Where our application is called."""
        return f"sip:service@{self.engine.sip}"

    def take(self) -> str:
        """Answer the next call with our song; return its name."""
        call = self.app.incoming()
        self.app.request("answer", call=call, play=self.play)
        self.app.wait_event("answered", call=call)
        return call

    def dial(self, uri: str) -> str:
        """Place a call with our song; return its name at once."""
        return self.app.dial(uri, play=self.play)

    def up(self, call: str) -> None:
        """Wait until it is answered."""
        self.app.wait_event("answered", call=call)

    def record(self, call: str) -> Path:
        """Record a call from now on."""
        path = self.folder / f"{self.engine.sip_port}-{call}.wav"
        self.app.request("record", call=call, path=str(path))
        return path

    def follow(self) -> str:
        """Do what a REFER asks; return the name of the new call when it is up."""
        asked = self.app.wait_event("transfer_asked")
        assert asked["replaces"]
        reply = self.app.request("accept_transfer", transfer=asked["transfer"], play=self.play)
        call = str(reply["call"])
        self.up(call)
        return call

    def replaced(self, old: str) -> str:
        """Wait until a call of ours is replaced by another; return that one's name."""
        event = self.app.wait_event("replaced", call=old)
        new = str(event["by"])
        self.up(new)
        return new

    def transferred(self, call: str) -> None:
        """Wait for the success of our transfer, and for the end of its call."""
        ended = self.app.wait_event("transfer_ended", call=call)
        assert (ended["ok"], ended["status"]) == (True, 200)
        self.app.wait_event("ended", call=call)

    def ended(self, call: str) -> None:
        """Wait until a call is over."""
        self.app.wait_event("ended", call=call)

    def calls(self) -> list[str]:
        """The names of the calls that the engine has."""
        rows = cast("list[Fields]", self.app.request("list_calls")["calls"])
        return [str(row["call"]) for row in rows]


PATIENT = {"bus.client_timeout": 30}
"""Of two clients in one thread, one may have to wait for the other."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine"), settings=PATIENT) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.fixture(scope="module")
def other_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """On the default port: linphonec leaves ports out of the Refer-To of an attended transfer."""
    folder = tmp_path_factory.mktemp("other")
    with Engine(folder, settings=PATIENT, sip_port=SIP_PORT if is_free(SIP_PORT) else 0) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


def party(engine: Engine, name: str, folder: Path) -> Iterator[Party]:
    """An engine with a client, and no calls before and after."""
    with engine.client() as app:
        app.request("subscribe", user="*")
        party = Party(engine, app, SONGS[name], folder)
        yield party
        for call in party.calls():
            app.request("hang_up", call=call)


@pytest.fixture
def first(engine: Engine, tmp_path: Path) -> Iterator[Party]:
    yield from party(engine, "first", tmp_path)


@pytest.fixture
def second(other_engine: Engine, tmp_path: Path) -> Iterator[Party]:
    yield from party(other_engine, "second", tmp_path)


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Linphone]:
    with Linphone(tmp_path / "phone", says=SONGS["phone"]) as running:
        yield running


def talk(*parties: Party) -> None:
    for _ in range(int(TALK / 0.1)):
        for party in parties:
            party.app.watch(0.1 / len(parties))


def check_prompt(wire: Capture, *parties: Party) -> list[RtpSeen]:
    """The call with Replaces: our first packet is on the wire within 100 ms of its ACK.

    Returns what the last party sent in it.  The one INVITE names the target's call, and who asked.
    """
    packets: list[RtpSeen] = []
    for party in parties:
        messages = wire.sip(party.engine.sip_port)
        invite = next(seen for seen in messages if seen.header("Replaces"))
        same = [seen for seen in messages if seen.header("Call-ID") == invite.header("Call-ID")]
        ack = next(seen for seen in same if seen.method == "ACK")
        assert invite.header("Referred-By")
        packets = wire.rtp(source=our_port(same, party.engine.sip_port))
        assert packets[0].at - ack.at < 0.1
    return packets


def our_port(messages: list[SipSeen], sip_port: int) -> int:
    """The RTP port that our description names."""
    return media_port(next(m for m in messages if m.source == sip_port and m.body))


def check_recording(record: Path, *, left: Samples, right: Samples) -> None:
    recorded, _ = read_wav(record)
    check_hears(left, recorded[:, 0])
    check_hears(right, recorded[:, 1])


@pytest.mark.skipif(not is_free(SIP_PORT), reason=f"port {SIP_PORT} is not free")
def test_linphonec_transfers(first: Party, second: Party, phone: Linphone) -> None:
    """It called both, and connects them: first is asked, second is replaced."""
    with Capture() as wire:
        to_first = phone.dial(first.uri)
        call_first = first.take()
        phone.hold(to_first)
        to_second = phone.dial(second.uri)
        call_second = second.take()
        phone.attend(to_first, to_second)
        new_first = first.follow()
        new_second = second.replaced(call_second)
        records = first.record(new_first), second.record(new_second)
        first.ended(call_first)
        second.ended(call_second)
        phone.wait_ended(to_first)
        phone.wait_ended(to_second)
        talk(first, second)
        assert (first.calls(), second.calls()) == ([new_first], [new_second])
        first.app.request("hang_up", call=new_first)
        first.ended(new_first)
        second.ended(new_second)
        check_prompt(wire, first, second)
    for record in records:
        check_recording(record, left=first.song, right=second.song)


def test_linphonec_is_transferred(first: Party, second: Party, phone: Linphone) -> None:
    """First talks to both, and sends the telephone to second, which is replaced."""
    with Capture() as wire:
        phone.dial(first.uri)
        call_phone = first.take()
        consultation = first.dial(second.uri)
        call_second = second.take()
        first.up(consultation)
        first.app.request("transfer", call=call_phone, other=consultation)
        new = second.replaced(call_second)
        record = second.record(new)
        first.transferred(call_phone)
        first.ended(consultation)
        second.ended(call_second)
        talk(second, first)
        assert (first.calls(), second.calls()) == ([], [new])
        second.app.request("hang_up", call=new)
        second.ended(new)
        phone.wait_ended(2)
        sent = check_prompt(wire, second)
        check_hears(second.song, phone.heard())
    check_recording(record, left=SONGS["phone"], right=second.song)
    check_hears(second.song, decoded(sent))


def test_linphonec_is_the_target(first: Party, second: Party, phone: Linphone) -> None:
    """First talks to both, and sends second to the telephone, whose call is replaced."""
    with Capture() as wire:
        call_second = first.dial(second.uri)
        old_second = second.take()
        first.up(call_second)
        consultation = first.dial(phone.uri)
        phone.take()
        first.up(consultation)
        first.app.request("transfer", call=call_second, other=consultation)
        new = second.follow()
        record = second.record(new)
        first.transferred(call_second)
        first.ended(consultation)
        second.ended(old_second)
        talk(second, first)
        assert (first.calls(), second.calls()) == ([], [new])
        second.app.request("hang_up", call=new)
        second.ended(new)
        phone.wait_ended(2)
        check_prompt(wire, second)
        check_hears(second.song, phone.heard())
    check_recording(record, left=second.song, right=SONGS["phone"])


def test_between_two_telephones(first: Party, phone: Linphone, tmp_path: Path) -> None:
    """We connect two that are foreign, and are out of it."""
    other_song = tune(12.0, 16)
    with Linphone(tmp_path / "other", says=other_song, name="other") as other:
        to_phone = first.dial(phone.uri)
        phone.take()
        first.up(to_phone)
        to_other = first.dial(other.uri)
        other.take()
        first.up(to_other)
        first.app.request("transfer", call=to_phone, other=to_other)
        first.transferred(to_phone)
        first.ended(to_other)
        other.wait_up(2)
        talk(first)
        phone.type_line("terminate all")
        other.wait_ended(2)
        check_hears(other_song, phone.heard())
        check_hears(SONGS["phone"], other.heard())
