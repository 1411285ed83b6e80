"""Hold and resume, as applications ask for them."""

from bus.holding import Hold, Resume
from signaling.calls.call import Waiting
from signaling.calls.hold import hold, resume
from signaling.checks import call_up, check_source
from signaling.clients import Client
from signaling.core import Core
from signaling.verbs.verb import Verbs


def _hold(core: Core, client: Client, waiting: Waiting, command: Hold) -> None:
    check_source(command.music)
    hold(core, call_up(core, command.call), command.music, waiting=waiting)


def _resume(core: Core, client: Client, waiting: Waiting, command: Resume) -> None:
    resume(core, call_up(core, command.call), waiting=waiting)


VERBS: Verbs = {
    Hold: _hold,
    Resume: _resume,
}
