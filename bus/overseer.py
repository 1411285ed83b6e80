"""What an application asks of the supervisor: which processes there are, and how many workers."""

import asyncio
import time
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import zmq

from bus.calls import Ok
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Refused, Request
from bus.errors import EngineLostError, FrameError, OffhookError, refusal
from bus.link import Link
from bus.sockets import connect_dealer, endpoint
from bus.workers import ListProcesses, Processes, Scale, SupervisorReply

R = TypeVar("R", Ok, Processes)

_replies: Final = msgspec.msgpack.Decoder(SupervisorReply)


async def ask_supervisor(
    run_dir: Path, body: Scale | ListProcesses, reply: type[R], *, within: float = 5.0
) -> R:
    """Ask one thing.  Raises RefusedError, or EngineLostError if nobody answers."""
    answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
    asked = time.time_ns()  # the only id that is new for every process that asks

    def received(message: list[bytes]) -> None:
        if not answer.done():
            _settle(answer, message[-1], asked, reply)

    context = zmq.Context[zmq.SyncSocket].instance()
    link = Link(connect_dealer(context, endpoint(run_dir, "supervisor")), received)
    link.send(encode(Request(id=asked, body=raw(body), deadline=time.time() + within)))
    try:
        async with asyncio.timeout(within):
            return await answer
    except TimeoutError:
        raise EngineLostError(f"no supervisor answered in {run_dir} within {within:g} s") from None
    finally:
        link.close()


def _settle(answer: asyncio.Future[R], frame: bytes, asked: int, reply: type[R]) -> None:
    try:
        match decode_frame(frame):
            case Done(id=id, body=raw_body) if id == asked:
                body = decode_body(_replies, raw_body)
                if not isinstance(body, reply):
                    raise FrameError(f"the supervisor replied {type(body).__name__}")
                answer.set_result(body)
            case Refused(id=id, code=code, reason=reason) if id == asked:
                answer.set_exception(refusal(code, reason))
            case _:
                pass
    except OffhookError as error:
        answer.set_exception(error)
