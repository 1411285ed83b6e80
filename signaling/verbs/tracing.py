"""The trace of a call: which SIP Call-ID is its; the messages are the shell's."""

from bus.ids import CallId
from bus.tracing import GetTrace
from signaling.calls.call import Waiting
from signaling.clients import Client
from signaling.core import Core
from signaling.effects import ShowTrace
from signaling.verbs.verb import Verbs


def _get_trace(core: Core, client: Client, waiting: Waiting, command: GetTrace) -> None:
    """Have it answered by the shell; the reply is large and is not kept for a repetition."""
    call = core.state.calls.get(CallId(command.call))
    past = core.state.past.get(CallId(command.call), command.call)
    sip_call_id = call.sip_call_id if call else past
    core.effects.append(ShowTrace(client.identity, waiting.command, sip_call_id))


VERBS: Verbs = {GetTrace: _get_trace}
