"""Telephones that hear each other through us (SCENARIO 36): what they and our recordings heard."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.engine import Engine
from tests.peers.hearing import check_hears, check_hears_not, hears
from tests.peers.plain_client import PlainClient
from tools.sound import RATE, read_wav, tune

pytestmark = [pytest.mark.peer("baresip"), pytest.mark.timeout(60)]

SONGS = [tune(9.0, seed) for seed in (1, 2, 3)]
LATER = [song[2 * RATE :] for song in SONGS]
TALK = 4.0
"""Seconds."""
CODECS = [("PCMU", "PCMA"), ("G722", "PCMU")]


def up(app: PlainClient, phone: Baresip, **fields: object) -> str:
    call = app.dial(phone.uri, **fields)
    phone.take()
    app.wait_event("answered", call=call)
    return call


def over(app: PlainClient, calls: list[str], phones: list[Baresip]) -> None:
    for call, phone in zip(calls, phones, strict=True):
        app.request("hang_up", call=call)
        app.wait_event("ended", call=call)
        phone.wait_over()


@pytest.mark.parametrize("codecs", CODECS, ids="-".join)
def test_two_telephones_hear_each_other(
    engine: Engine, app: PlainClient, tmp_path: Path, codecs: tuple[str, str]
) -> None:
    records = [tmp_path / f"{name}.wav" for name in ("one", "two")]
    with ExitStack() as stack:
        phones = [
            stack.enter_context(Baresip(tmp_path / codec, says=song, codec=codec))
            for codec, song in zip(codecs, SONGS, strict=False)
        ]
        calls = [
            up(app, phone, record=str(record))
            for phone, record in zip(phones, records, strict=True)
        ]
        app.request("bridge", call=calls[0], other=calls[1])
        app.watch(TALK)
        over(app, calls, phones)
        ears = [phone.heard() for phone in phones]
    check_hears(LATER[1], ears[0])
    check_hears(LATER[0], ears[1])
    check_hears_not(LATER[0], ears[0])
    check_hears_not(LATER[1], ears[1])
    delays: list[float] = []
    for record, (theirs, ours) in zip(records, ((0, 1), (1, 0)), strict=True):
        sound, rate = read_wav(record)
        caller, callee = sound[:: rate // RATE].T
        check_hears(LATER[theirs], callee)
        check_hears(LATER[ours], caller)
        apart = hears(LATER[theirs], callee).delay - hears(LATER[ours], caller).delay
        delays.append(apart if theirs == 0 else -apart)
    assert abs(delays[0] - delays[1]) < 0.02, "both recordings have both sides at one time"


def test_three_telephones_confer(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    record = tmp_path / "all.wav"
    with ExitStack() as stack:
        phones = [
            stack.enter_context(Baresip(tmp_path / str(place), says=song))
            for place, song in enumerate(SONGS)
        ]
        name = app.request("open_conference")["conference"]
        calls = [up(app, phone) for phone in phones]
        for call in calls:
            app.request("join", conference=name, call=call)
        app.request("record_conference", conference=name, path=str(record))
        app.watch(TALK)
        over(app, calls, phones)
        ears = [phone.heard() for phone in phones]
    assert app.wait_event("conference_ended")["reason"] == "empty"
    for place, ear in enumerate(ears):
        check_hears_not(LATER[place], ear)
        others = [song for number, song in enumerate(LATER) if number != place]
        assert min(hears(song, ear).correlation for song in others) > 0.5, "half of each"
    assert read_wav(record)[0].shape[0] > (TALK - 0.5) * RATE
