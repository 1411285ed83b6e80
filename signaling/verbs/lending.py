"""Audio rings, as applications ask for them."""

from bus.audio import CloseAudio, OpenAudio
from bus.streams import CloseStreamAudio, OpenStreamAudio
from signaling.calls.call import Waiting
from signaling.checks import call_named, call_up
from signaling.clients import Client
from signaling.core import Core
from signaling.verbs.verb import Verbs


def _open(core: Core, client: Client, waiting: Waiting, command: OpenAudio) -> None:
    call = call_up(core, command.call)
    core.ask_leg(call, OpenStreamAudio(stream=call.leg.stream, rate=command.rate), waiting)


def _close(core: Core, client: Client, waiting: Waiting, command: CloseAudio) -> None:
    call = call_named(core, command.call)
    core.ask_leg(call, CloseStreamAudio(stream=call.leg.stream), waiting)


VERBS: Verbs = {OpenAudio: _open, CloseAudio: _close}
