"""SCENARIO 40 on the wire: an application that does nothing but compute, with its call's audio."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.peers.baresip import Baresip
from tests.peers.capture import Capture, check_continuous, longest_gap
from tests.peers.engine import ROOT, Engine
from tests.peers.hand import media_port
from tests.peers.hearing import check_hears
from tests.peers.plain_client import PlainClient
from tests.peers.processes import Running, eventually
from tools.sound import RATE, read_wav, tune

pytestmark = [pytest.mark.peer("baresip", "capture"), pytest.mark.timeout(60)]

BUSY = """
import asyncio, sys, offhook
async def main():
    async with offhook.Engine.connect(sys.argv[1]) as engine:
        keep = offhook.OnOwnerLost.KEEP
        call = await engine.dial(sys.argv[2], record=sys.argv[3], on_owner_lost=keep)
        await call.answered()
        async with call.audio() as audio:
            await audio.write(await anext(audio))
            print(call.id, flush=True)
            while True:
                pass
asyncio.run(main())
"""
SONG = tune(1.6, 1)
GAP = 0.2
"""Seconds: it has one of our cores, and others want the other one."""


def test_rtp_goes_on_while_the_application_computes(
    engine: Engine, app: PlainClient, tmp_path: Path
) -> None:
    """No packet of ours is missing, what the peer says is recorded, others are served."""
    program, record = tmp_path / "busy.py", tmp_path / "record.wav"
    program.write_text(BUSY)
    with Capture() as wire, Baresip(tmp_path / "phone", says=np.zeros(RATE, np.int16)) as phone:
        command: list[str | Path] = [sys.executable, program, engine.run_dir, phone.uri, record]
        with Running(command, folder=tmp_path, environ={"PYTHONPATH": str(ROOT)}) as busy:
            phone.take()
            call = eventually("it computes", lambda: busy.output().strip(), seconds=20)
            (port,) = {media_port(seen) for seen in wire.sip(phone.port) if seen.status == 200}
            begun = len(wire.rtp(destination=port))
            phone.say(SONG)
            app.watch(3.0)
            packets = wire.rtp(destination=port)
            assert busy.alive()
            app.request("hang_up", call=call)
            phone.wait_over()
    check_continuous(packets)
    assert longest_gap(packets) < GAP
    lasted = packets[-1].at - packets[begun].at
    assert len(packets) - 1 - begun == pytest.approx(50 * lasted, abs=50 * GAP)
    assert lasted > 3.0 - GAP
    eventually("the recording is complete", lambda: len(read_wav(record)[0]) > 3 * RATE)
    check_hears(SONG, read_wav(record)[0][:, 1])
