"""Watching for speech, as applications ask for it."""

from bus.calls import Ok
from bus.speaking import WatchSpeech
from bus.streams import WatchStream
from signaling.calls.call import Waiting
from signaling.checks import call_up
from signaling.clients import Client
from signaling.core import Core
from signaling.verbs.verb import Verbs


def _watch(core: Core, client: Client, waiting: Waiting, command: WatchSpeech) -> None:
    call = call_up(core, command.call)
    core.ask_leg(call, WatchStream(stream=call.leg.stream, watch=command.watch))
    core.reply(waiting, Ok())


VERBS: Verbs = {WatchSpeech: _watch}
