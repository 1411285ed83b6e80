"""A SIP peer that does what a test tells it: for what our own agent would never do."""

from collections.abc import Callable, Sequence

from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Message, Request, Response, first
from signaling.sip.parse import parse_message
from signaling.sip.render import render, respond
from tests.harness.network import Network, Path

Handler = Callable[["Puppet", Request, Path], object]


class Puppet:
    """An endpoint; ``handler`` is called with every request, responses are only kept."""

    def __init__(
        self, name: str, host: str, network: Network, handler: Handler | None = None
    ) -> None:
        self.name = name
        self.host = host
        self.handler = handler
        self.network = network
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.path = Path("", "")
        """Of the last message heard."""
        self._out: list[tuple[Path, bytes]] = []
        self._agenda: list[tuple[float, Callable[[], object]]] = []

    @property
    def addresses(self) -> tuple[str, str]:
        """Return what it is known by on the network."""
        return f"udp:{self.host}:5060", f"tcp:{self.host}:5060"

    def of(self, method: str) -> list[Request]:
        """Return the requests of a method that came, copies too."""
        return [request for request in self.requests if request.method == method]

    def send(self, message: Message, to: str) -> None:
        """Send to ``udp:host:port``."""
        transport = to.partition(":")[0]
        self._out.append((Path(f"{transport}:{self.host}:5060", to), render(message)))

    def answer(
        self,
        request: Request,
        status: int,
        *,
        tag: str = "puppet",
        headers: Sequence[Header] = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
    ) -> None:
        """Answer a request, to where the last message came from."""
        contact = [("Contact", f"<sip:{self.name}@{self.host}:5060>")]
        extra = contact if request.method == "INVITE" and 100 < status < 300 else []
        response = respond(
            request,
            status,
            to_tag="" if status == 100 else tag,
            headers=[*extra, *headers],
            body=body,
            content_type=content_type if body else "",
        )
        self.send(response, self.path.remote)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something at a later instant."""
        self._agenda.append((self.network.now + seconds, action))

    def receive(self, path: Path, datagram: bytes, now: float) -> None:
        """Take a datagram."""
        self.path = path
        message = parse_message(datagram)
        if isinstance(message, Response):
            self.responses.append(message)
            return
        self.requests.append(message)
        if self.handler is not None:
            self.handler(self, message, path)

    def deadline(self) -> float | None:
        """Return when there is something to do."""
        return min((at for at, _ in self._agenda), default=None)

    def wake(self, now: float) -> None:
        """Do what is due."""
        due = [action for at, action in self._agenda if at <= now]
        self._agenda = [entry for entry in self._agenda if entry[0] > now]
        for action in due:
            action()

    def outgoing(self) -> Sequence[tuple[Path, bytes]]:
        """Hand over what is to be sent."""
        out, self._out = self._out, []
        return out


class Caller:
    """A puppet's side of one call to one of us: its requests, numbered, in one dialog."""

    def __init__(self, puppet: Puppet, host: str, *, call_id: str = "puppet-call") -> None:
        self.puppet = puppet
        self.host = host
        self.call_id = call_id
        self.uri = f"sip:bob@{host}"
        self.tag = ""
        """The other's, once it is known."""
        self.number = 0

    def request(
        self,
        method: str,
        *,
        body: bytes = b"",
        content_type: str = "application/sdp",
        number: int | None = None,
        branch: str = "",
        headers: Sequence[Header] = (),
    ) -> Request:
        """Make a request; the next CSeq unless it is given."""
        if number is None:
            self.number += 1
        number = self.number if number is None else number
        branch = branch or f"z9hG4bK-{self.call_id}-{method}-{number}"
        tag = f";tag={self.tag}" if self.tag else ""
        content: list[Header] = [("Content-Type", content_type)] if body else []
        return Request(
            method=method,
            uri=self.uri,
            headers=[
                ("Via", f"SIP/2.0/UDP {self.puppet.host}:5060;branch={branch}"),
                ("Max-Forwards", "70"),
                ("From", f"<sip:{self.puppet.name}@{self.puppet.host}>;tag=theirs"),
                ("To", f"<sip:bob@{self.host}>{tag}"),
                ("Call-ID", self.call_id),
                ("CSeq", f"{number} {method}"),
                ("Contact", f"<sip:{self.puppet.name}@{self.puppet.host}:5060>"),
                *headers,
                *content,
            ],
            body=body,
        )

    def send(self, request: Request) -> Request:
        """Send it."""
        self.puppet.send(request, f"udp:{self.host}:5060")
        return request

    def learn(self, response: Response) -> None:
        """Take the other's tag and Contact from a response that makes a dialog."""
        to, contact = first(response, "To"), first(response, "Contact")
        self.tag = (parse_name_addr(to).tag or "") if to else ""
        self.uri = parse_name_addr(contact).uri if contact else self.uri

    def acknowledge(self, number: int, *, body: bytes = b"") -> None:
        """Send the ACK of a 2xx to the INVITE of that number."""
        branch = f"z9hG4bK-{self.call_id}-ACK-{number}-{len(self.puppet.responses)}"
        self.send(self.request("ACK", number=number, branch=branch, body=body))
