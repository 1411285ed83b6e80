"""Telephones that hear each other although two media workers carry their calls."""

from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from tests.peers.baresip import Baresip
from tests.peers.engine import Engine
from tests.peers.hearing import check_hears, check_hears_not
from tests.peers.plain_client import PlainClient
from tests.peers.processes import eventually
from tests.system.test_routing import LATER, SONGS, TALK, over
from tests.system.test_scaling import worker_states

pytestmark = [pytest.mark.peer("baresip"), pytest.mark.timeout(90)]


def up(app: PlainClient, phone: Baresip) -> tuple[str, str]:
    """Call a telephone; return the names of the call and of its worker."""
    call = app.dial(phone.uri)
    phone.take()
    return call, str(app.wait_event("answered", call=call)["worker"])


@pytest.mark.parametrize("confer", [False, True], ids=["bridge", "conference"])
def test_two_telephones_on_two_workers_hear_each_other(tmp_path: Path, *, confer: bool) -> None:
    with Engine(tmp_path, workers=2) as engine, ExitStack() as stack:
        engine.wait_up()
        app = stack.enter_context(engine.client())
        eventually("two workers", lambda: worker_states(app) == {"w0": "up", "w1": "up"})
        phones = [
            stack.enter_context(Baresip(tmp_path / str(place), says=song))
            for place, song in enumerate(SONGS[:2])
        ]
        calls, workers = zip(*(up(app, phone) for phone in phones), strict=True)
        assert sorted(workers) == ["w0", "w1"]
        if confer:
            name = app.request("open_conference")["conference"]
            for call in calls:
                app.request("join", conference=name, call=call)
        else:
            app.request("bridge", call=calls[0], other=calls[1])
        app.watch(TALK)
        over(app, list(calls), phones)
        for place, phone in enumerate(phones):
            check_hears(LATER[1 - place], phone.heard())
            check_hears_not(LATER[place], phone.heard())
        eventually("no stream is left", lambda: not busy(app))
        stack.close()
        engine.stop_cleanly()


def busy(app: PlainClient) -> int:
    """Return how many streams the workers carry."""
    rows = cast("list[dict[str, int]]", app.request("list_workers")["workers"])
    return sum(row["streams"] for row in rows)
