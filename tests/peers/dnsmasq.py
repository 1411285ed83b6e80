"""dnsmasq as the name server of a test: the records it is given and nothing else, on loopback."""

import getpass
from collections.abc import Sequence
from pathlib import Path

from tests.peers.ports import free_port, wait_bound
from tests.peers.processes import Running


class Dnsmasq(Running):
    """A running dnsmasq; ``nameserver`` is what ``sip.nameserver`` is set to.

    Records are its own options without the dashes: ``host-record=a.test,192.0.2.1``,
    ``srv-host=_sip._udp.test,a.test,5060,PRIORITY,WEIGHT``,
    ``naptr-record=test,ORDER,PREFERENCE,s,SIP+D2U,,_sip._udp.test``.
    """

    def __init__(
        self, folder: Path, records: Sequence[str], *, ttl: int = 60, port: int = 0
    ) -> None:
        self.port = port or free_port()
        self.nameserver = f"127.0.0.1:{self.port}"
        command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file"]
        command += ["--no-resolv", "--no-hosts", "--local=/test/", f"--local-ttl={ttl}"]
        command += ["--listen-address=127.0.0.1", "--bind-interfaces", f"--port={self.port}"]
        command += [f"--user={getpass.getuser()}", "--log-queries", "--log-facility=-"]
        command += [f"--{record}" for record in records]
        super().__init__(command, folder=folder, log="dnsmasq.log")
        try:
            wait_bound(self.port)
        except TimeoutError:
            self.kill()
            raise AssertionError(f"dnsmasq does not serve\n{self.output()}") from None

    def queries(self, kind: str, name: str) -> int:
        """Return how often it was asked for the records of a kind that a name has."""
        return self.output().count(f"query[{kind}] {name} ")
