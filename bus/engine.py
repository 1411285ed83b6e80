"""The engine, as an application holds it: place calls, take calls, see what runs."""

import asyncio
import contextlib
import os
import secrets
import weakref
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from bus import calls as verbs
from bus.asking import R
from bus.call import SILENCE, Call
from bus.calls import CallInfo, OnOwnerLost, Welcome, WorkerInfo
from bus.client import Client
from bus.columns import SchemaMismatchError
from bus.conferencing import Bridging, Conference, OwnConferences, unbridge
from bus.errors import EngineLostError
from bus.feed import Feed
from bus.gauges import Gauges, Reading
from bus.ids import CallId, PeerId, StreamId, WorkerId
from bus.incoming import IncomingCalls, Reception
from bus.incoming_call import IncomingCall
from bus.launching import Value, launched
from bus.overseer import ask_supervisor
from bus.own_calls import OwnCalls
from bus.playing import Playable, absolute, as_source
from bus.protocol import ClientEvent, Command
from bus.registering import Registration, Registry
from bus.registrations import RegistrationChanged, RegistrationInfo
from bus.routing import (
    ConferenceEnded,
    ConferenceInfo,
    Conferences,
    ListConferences,
    OpenConference,
    Opened,
)
from bus.session import REPLY_WITHIN
from bus.sockets import default_run_dir, endpoint
from bus.tracing import GetTrace, Trace
from bus.transfer_requests import TransferDesk, TransferRequest, TransferRequests
from bus.transfers import AcceptTransfer, Replaced, TransferAsked
from bus.workers import ListProcesses, Processes, ProcessInfo, Scale

LOCAL: Final = ("udp:127.0.0.1:0", "tcp:127.0.0.1:0")
JOIN_WITHIN: Final = 5.0


class Engine:
    """A connection to a running engine.  Made by ``launch`` or ``connect``."""

    def __init__(self, address: str, run_dir: Path | None, peer: str) -> None:
        self.run_dir = run_dir
        """Its run directory, None if only an address is known."""
        self.listeners: tuple[str, ...] = ()
        """The SIP addresses that are open, for example ``udp:127.0.0.1:5060``."""
        name = PeerId(peer or f"python-{secrets.token_hex(6)}")
        self._client = Client(address, self, name)
        self._calls = OwnCalls(self, name)
        self._conferences = OwnConferences()
        self._reception = Reception(self._client)
        self._transfers = TransferDesk(self._client.tell)
        self._registry = Registry(self, name)
        self._feeds = weakref.WeakSet[Feed]()
        self._feed_address = ""
        self._gauges: dict[WorkerId, Gauges] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def launch(
        cls,
        *,
        workers: int = 1,
        sip: Sequence[str] = LOCAL,
        settings: Mapping[str, Value] | None = None,
        peer: str = "",
    ) -> AsyncGenerator[Self, None]:
        """Start a private engine for the block; it is gone afterwards, whatever happens.

        ``sip``: listeners (``udp:HOST:PORT``, ``tcp:HOST:PORT``; port 0 is any free one).
        ``settings``: further settings by dotted name, for example ``{"sip.t1": 0.2}``.
        Raises LaunchError if it does not come up.
        """
        async with (
            launched(workers=workers, sip=sip, settings=settings or {}) as started,
            cls.connect(started.run_dir, peer=peer) as engine,
        ):
            watch = asyncio.create_task(engine._end_with(started.process))
            try:
                yield engine
            finally:
                watch.cancel()

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, where: str | Path | None = None, *, peer: str = "", within: float = JOIN_WITHIN
    ) -> AsyncGenerator[Self, None]:
        """Use an engine that runs, for the block; our calls are hung up at its end.

        ``where``: a run directory (default: that of ``offhook up``) or the ``ipc://`` address of a
        control socket.  ``peer``: a name that stays the same when this program starts again; then
        it finds the calls it left with ``OnOwnerLost.KEEP`` in ``own_calls``.
        Raises EngineLostError if nobody answers.
        """
        engine = cls(*locate(where), peer)
        try:
            await engine._client.join(within)
            engine.listeners = (await engine.status()).listeners
            yield engine
        finally:
            await engine._close()

    # --------------------------------------------------------------------------------- calls

    async def dial(
        self,
        uri: str,
        *,
        play: Playable = SILENCE,
        record: str | Path = "",
        headers: Mapping[str, str] | None = None,
        ring_timeout: float = 60.0,
        user: str = "",
        password: str = "",
        from_uri: str = "",
        from_display: str = "",
        codecs: Sequence[str] = (),
        max_redirects: int = 5,
        redirect_any_domain: bool = False,
        proxy: str = "",
        reliable: str = "supported",
        srtp: str = "",
        on_owner_lost: OnOwnerLost = OnOwnerLost.HANG_UP,
        near: Call | Conference | None = None,
    ) -> Call:
        """Place a call and return at once; then ``await call.answered()``.

        ``play`` is what the callee hears, ``record`` a WAV file (the caller left, the callee
        right).  ``ring_timeout`` in seconds.  ``user`` and ``password`` answer a digest challenge.
        ``proxy``: URI of an outbound proxy.  ``reliable``: provisional responses are acknowledged
        (RFC 3262), one of ``off supported required``.  ``srtp``: one of ``off offer require``,
        in place of the setting ``media.srtp``.  ``codecs``: names in order of preference, in place
        of the setting ``media.codecs``.  ``near``: whom it is to be bridged or to confer with (one
        media worker is to carry both).
        Raises BadRequestError for a URI that is none, BadSourceError for a file that is none.
        """
        request = verbs.Dial(
            uri=uri,
            from_uri=from_uri,
            from_display=from_display,
            play=as_source(play),
            record=absolute(record),
            headers=tuple((headers or {}).items()),
            codecs=tuple(codecs),
            ring_timeout=ring_timeout,
            max_redirects=max_redirects,
            user=user,
            password=password,
            on_owner_lost=on_owner_lost,
            proxy=proxy,
            reliable=reliable,
            srtp=srtp,
            redirect_any_domain=redirect_any_domain,
            near=near.id if near else "",
        )
        return await self._calls.dial(request, uri, from_uri, on_owner_lost)

    def incoming(
        self, user: str = "*", *, on_owner_lost: OnOwnerLost = OnOwnerLost.HANG_UP
    ) -> IncomingCalls:
        """Iterate over incoming calls whose Request-URI user matches a pattern (``*``, ``?``)."""
        return self._reception.calls(user, on_owner_lost)

    def transfers(self) -> TransferRequests:
        """Iterate over what peers ask us to call; while nobody does, each is declined."""
        return self._transfers.requests()

    def bridge(self, call: Call, other: Call) -> Bridging:
        """Let the peers of two calls hear each other, from now on or for a block (``async with``).

        It ends with either call, or when one is connected otherwise (``events.Unbridged``).
        Raises WrongStateError if they are not up, NoCapacityError if different media workers carry
        them (see ``near``) and there is no stream for a link.
        """
        return Bridging(self, call, other)

    async def unbridge(self, call: Call) -> None:
        """Part a call from the one it is bridged with.  Raises WrongStateError if it is not."""
        await unbridge(self, call)

    async def conference(self, *, near: Call | None = None, until_empty: bool = True) -> Conference:
        """Make a conference; it ends when it is told to, or when the last member has left.

        Its first member says which media worker carries it, or the call ``near``.
        """
        made: list[Conference] = []

        def opened(reply: Opened) -> None:
            conference = Conference(self, reply.conference, self._conferences.forget)
            self._conferences.add(conference)
            made.append(conference)

        near_id = near.id if near else CallId("")
        request = OpenConference(near=near_id, until_empty=until_empty)
        await self.ask(request, Opened, then=opened)
        return made[0]

    async def conferences(self) -> tuple[ConferenceInfo, ...]:
        """Return all conferences of the engine, whoever owns them."""
        return (await self.ask(ListConferences(), Conferences)).conferences

    async def register(
        self,
        aor: str,
        *,
        password: str = "",
        user: str = "",
        registrar: str = "",
        expires: float = 3600.0,
        headers: Mapping[str, str] | None = None,
    ) -> Registration:
        """Keep an address of record registered, from now on; then ``await it.registered()``.

        ``registrar``: its URI (default: the domain of ``aor``).  ``user`` (default: that of
        ``aor``) and ``password`` answer a digest challenge.  ``expires`` in seconds.
        """
        return await self._registry.register(
            aor,
            password=password,
            user=user,
            registrar=registrar,
            expires=expires,
            headers=headers,
        )

    @property
    def own_calls(self) -> tuple[Call, ...]:
        """The living calls that belong to this program."""
        return self._calls.living

    def uri(self, user: str) -> str:
        """Return the SIP URI of a user of this engine, at its first listener."""
        transport, _, address = self.listeners[0].partition(":")
        host, _, port = address.rpartition(":")
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
        return f"sip:{user}@{host}:{port}{'' if transport == 'udp' else f';transport={transport}'}"

    # --------------------------------------------------------------------------- the engine

    async def status(self) -> verbs.Status:
        """Return the engine in a glance."""
        return await self.ask(verbs.GetStatus(), verbs.Status)

    async def calls(self) -> tuple[CallInfo, ...]:
        """Return all calls of the engine, whoever owns them."""
        return (await self.ask(verbs.ListCalls(), verbs.Calls)).calls

    async def registrations(self) -> tuple[RegistrationInfo, ...]:
        """Return all registrations of the engine, whoever owns them."""
        return await self._registry.infos()

    async def workers(self) -> tuple[WorkerInfo, ...]:
        """Return the media workers."""
        return (await self.ask(verbs.ListWorkers(), verbs.Workers)).workers

    async def processes(self) -> tuple[ProcessInfo, ...]:
        """Return the children of the supervisor."""
        return (await ask_supervisor(self._home(), ListProcesses(), Processes)).processes

    async def scale(self, workers: int) -> None:
        """Have so many workers; surplus ones finish their calls first."""
        await ask_supervisor(self._home(), Scale(workers=workers), verbs.Ok)

    def events(self, topics: Iterable[str] = ("call", "worker", "registration")) -> Feed:
        """Watch everything that happens, also ``"sip"`` messages.  A loss is seen as ``Missed``."""
        feed = Feed(self._feed_address, topics)
        self._feeds.add(feed)
        return feed

    async def trace(self, call: str) -> Trace:
        """Return the SIP messages of a call, also one that has ended; see ``bus.ladder``.

        ``call``: its name or its SIP Call-ID.  How many are kept is ``log.trace_messages``.
        """
        return await self.ask(GetTrace(call=call), Trace)

    async def ask(
        self,
        body: Command,
        reply: type[R],
        *,
        then: Callable[[R], None] | None = None,
        within: float = REPLY_WITHIN,
    ) -> R:
        """Send a request as it goes over the bus, and return its reply (within so many seconds).

        Raises RefusedError, or EngineLostError if the engine went away.
        """
        return await self._client.ask(body, reply, then=then, within=within)

    def tell(self, body: Command) -> None:
        """Send a request whose reply interests nobody."""
        self._client.tell(body)

    async def read_gauges(self, worker: WorkerId, stream: StreamId) -> Reading | None:
        """Read a stream's levels and counters; None if it is not there (any more)."""
        gauges = self._gauges.get(worker)
        if gauges is not None and (reading := gauges.read(stream)) is not None:
            return reading
        for info in await self.workers():
            if info.worker == worker and info.table:
                with contextlib.suppress(OSError, SchemaMismatchError):
                    self._gauges[worker] = Gauges(Path(info.table))
                    return self._gauges[worker].read(stream)
        return None

    # ------------------------------------------------- what the connection says (a Listener)

    def happened(self, event: ClientEvent, at: float) -> None:
        """Take an event."""
        match event:
            case verbs.IncomingCall():
                self._came(event)
            case verbs.Snapshot():
                self._calls.reconcile(event.calls, "its events were lost")
            case RegistrationChanged():
                self._registry.changed(event.registration)
            case TransferAsked():
                self._asked(event)
            case Replaced():
                self._calls.replaced(event, at)
            case ConferenceEnded():
                self._conferences.ended(event)
            case _:
                self._calls.apply(event.call, event, at)

    def joined(self, welcome: Welcome, fresh: bool) -> None:
        """Take how our calls stand; renew the subscriptions if signaling does not know them."""
        self._feed_address = welcome.events
        if fresh:
            self._reception.subscribe_all()
            self._registry.renew()
        else:
            task = asyncio.create_task(self._registry.refresh())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._calls.reconcile(welcome.calls, "engine lost" if fresh else "its events were lost")

    def lost(self, reason: str) -> None:
        """Give up the calls: the engine is gone.  When it is back, it is asked to register anew."""
        self._calls.lose(f"engine lost: {reason}")
        self._conferences.lose(f"engine lost: {reason}")

    # ------------------------------------------------------------------------------- inside

    def _came(self, event: verbs.IncomingCall) -> None:
        call = self._reception.came(event, lambda policy: IncomingCall(self, event, policy))
        if call is not None:
            self._calls.add(call)

    def _asked(self, event: TransferAsked) -> None:
        call = self._calls.get(event.call)
        self._transfers.asked(TransferRequest(self, event, call, self._follow))

    async def _follow(self, request: AcceptTransfer, uri: str) -> Call:
        return await self._calls.dial(request, uri, "", OnOwnerLost.HANG_UP)

    def _home(self) -> Path:
        if self.run_dir is None:
            raise EngineLostError("the supervisor is found by the run directory: connect by that")
        return self.run_dir

    async def _end_with(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        self.lost("its supervisor ended")
        self._registry.lose()

    async def _close(self) -> None:
        try:
            self._transfers.close()
            if self._reception.busy:
                self.tell(verbs.Unsubscribe())
            await asyncio.gather(self._calls.hang_up_all(), self._registry.end())
        finally:
            for task in self._tasks:
                task.cancel()
            self._reception.close()
            for feed in list(self._feeds):
                feed.close()
            self._client.close()
            self.lost("the connection was closed")
            self._registry.lose()


def locate(where: str | Path | None) -> tuple[str, Path | None]:
    """Return the control socket's address and the run directory of an engine."""
    if isinstance(where, str) and "://" in where:
        socket = Path(where.removeprefix("ipc://"))
        known = where.startswith("ipc://") and socket.name == "control.sock"
        return where, socket.parent if known else None
    run_dir = Path(where) if where is not None else default_run_dir(dict(os.environ))
    return endpoint(run_dir, "control"), run_dir
