"""linphonec as a peer: a telephone that transfers, also attended, and lets itself be transferred.

It is typed to on its standard input and read line by line from its log.  What it says is a WAV
file (``soundcard use files``) and so is what it hears.  Its calls have numbers, from 1 on in the
order in which they began.
"""

import re
from pathlib import Path
from typing import Final

import numpy as np

from tests.peers.ports import free_port, wait_bound
from tests.peers.processes import Running, eventually
from tools.sound import RATE, Samples, write_wav

SILENCE_SECONDS: Final = 60

CONFIG: Final = """\
[sip]
sip_port={udp_port}
sip_tcp_port={tcp_port}
sip_tls_port=0
bind_address=127.0.0.1
contact="{name}" <sip:{name}@127.0.0.1>
guess_hostname=0
use_ipv6=0
auto_net_state_mon=0
register_only_when_network_is_up=0
default_proxy={proxy}
use_info={use_info}
use_rfc2833={use_events}
incoming_calls_early_media={early}
media_encryption={encryption}
media_encryption_mandatory={insists}
[rtp]
bind_address=127.0.0.1
audio_rtp_port={rtp_first}-{rtp_last}
audio_jitt_comp=80
jitter_buffer_algorithm=basic
audio_adaptive_jitt_comp_enabled=0
[net]
firewall_policy=0
adaptive_rate_control=0
[sound]
echocancellation=0
[video]
enabled=0
capture=0
display=0
[misc]
add_missing_audio_codecs=0
add_missing_video_codecs=0
[audio_codec_0]
mime={codec}
rate={clock}
channels={channels}
enabled=1
"""

LOGIN: Final = """\
[auth_info_0]
username={name}
passwd={password}
realm={realm}
"""

ACCOUNT: Final = """\
[proxy_0]
reg_proxy=<sip:{registrar};transport={transport}>
reg_identity=sip:{name}@{host}
reg_sendregister=1
reg_expires=600
publish=0
"""


class Linphone(Running):
    """A running linphonec, ``sip:NAME@127.0.0.1``.

    ``registrar`` is the ``HOST:PORT`` where it registers when it starts.  With ``password`` it
    answers the challenges of ``realm``, and with ``early_media`` it speaks already while it rings.
    ``encryption`` of its media is ``none`` or ``srtp``, which it ``insists`` upon or not;
    ``digits_by`` is ``rfc4733`` or ``info``; ``transport`` is ``udp`` or ``tcp``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        says: Samples,
        name: str = "linphone",
        codec: str = "PCMU",
        auto_answer: bool = False,
        transport: str = "udp",
        digits_by: str = "rfc4733",
        early_media: bool = False,
        password: str = "",
        realm: str = "offhook",
        registrar: str = "",
        encryption: str = "none",
        insists: bool = False,
    ) -> None:
        (folder / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.transport = transport
        self.port = free_port()
        self._lines: list[str] = []
        self._read = 0
        self._ear = folder / "heard.wav"
        silence = np.zeros(SILENCE_SECONDS * RATE, np.int16)
        microphone = write_wav(folder / "microphone.wav", np.concatenate([says, silence]))
        rtp_first = free_port()
        config = CONFIG.format(
            udp_port=self.port if transport == "udp" else 0,
            tcp_port=self.port if transport == "tcp" else 0,
            name=name,
            use_info=int(digits_by == "info"),
            use_events=int(digits_by == "rfc4733"),
            early=int(early_media),
            encryption=encryption,
            insists=int(insists),
            proxy=0 if registrar else -1,
            rtp_first=rtp_first,
            rtp_last=rtp_first + 20,
            codec=codec,
            clock=48000 if codec == "opus" else 8000,
            channels=2 if codec == "opus" else 1,
        )
        if password:
            config += LOGIN.format(name=name, password=password, realm=realm)
        if registrar:
            host = registrar.partition(":")[0]
            config += ACCOUNT.format(name=name, host=host, registrar=registrar, transport=transport)
        (folder / "linphonerc").write_text(config)
        super().__init__(
            ["linphonec", "-c", "linphonerc", "-d", "6", "-l", "stack.log"]
            + (["-a"] if auto_answer else [])
            + (["--real-early-media"] if early_media else []),
            folder=folder,
            log="linphonec.log",
            environ={"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "TERM": "dumb"},
            typed=True,
        )
        try:
            wait_bound(self.port, transport)
            self.tell("soundcard use files", r"Using wav files")
        except (OSError, AssertionError) as error:
            self.kill()
            raise AssertionError(f"linphonec does not serve: {error}\n{self.output()}") from None
        self.type_line(f"play {microphone}")
        self.type_line(f"record {self._ear}")

    @property
    def uri(self) -> str:
        """Where it can be called."""
        parameter = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.name}@127.0.0.1:{self.port}{parameter}"

    def tell(self, line: str, until: str, seconds: float = 10.0) -> re.Match[str]:
        """Type a line and wait for what it is answered with (a regular expression)."""
        self.type_line(line)
        return self.wait_line(until, seconds)

    def wait_line(self, pattern: str, seconds: float = 10.0) -> re.Match[str]:
        """Return the match of the next line that matches, which is then used up."""
        try:
            return eventually(
                f"linphonec says {pattern}", lambda: self._take(pattern), seconds=seconds
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()[-5000:]}") from None

    def _take(self, pattern: str) -> re.Match[str] | None:
        written = self.output()
        whole = written.rfind("\n") + 1
        self._lines += written[self._read : whole].splitlines()
        self._read = max(self._read, whole)
        for line in self._lines:
            if (match := re.search(pattern, line)) is not None:
                self._lines.remove(line)
                return match
        return None

    def dial(self, uri: str) -> int:
        """Call somebody; return the number of the call."""
        return int(self.tell(f"call {uri}", r"Establishing call .* assigned id (\d+)")[1])

    def wait_incoming(self, seconds: float = 10.0) -> int:
        """Wait until somebody calls; return the number of the call."""
        return int(self.wait_line(r"Receiving new incoming call .* assigned id (\d+)", seconds)[1])

    def accept(self, call: int = 1) -> None:
        """Answer a call that rings."""
        self.type_line(f"answer {call}")
        self.wait_up(call)

    def take(self) -> None:
        """Wait until somebody calls, and answer."""
        self.accept(self.wait_incoming())

    def wait_up(self, call: int, seconds: float = 10.0) -> None:
        """Wait until a call has media (again)."""
        self.wait_line(rf"Media streams established .* for call {call} ", seconds)

    def wait_ended(self, call: int, seconds: float = 10.0) -> None:
        """Wait until a call is over."""
        self.wait_line(rf"Call {call} with .* ended", seconds)

    def wait_over(self) -> None:
        """Wait until one of its calls is over."""
        self.wait_line(r"Call \d+ with .* ended")

    def hang_up(self, call: int = 1) -> None:
        """End (or refuse) a call."""
        self.type_line(f"terminate {call}")
        self.wait_ended(call)

    def hold(self, call: int = 1) -> None:
        """Hold the current call, which must be this one."""
        self.tell("pause", rf"Call {call} with .* is now paused")

    def resume(self, call: int = 1) -> None:
        """Take a call back."""
        self.type_line(f"resume {call}")
        self.wait_up(call)

    def wait_held(self, call: int, seconds: float = 10.0) -> None:
        """Wait until the other side holds a call."""
        self.wait_line(rf"Call {call} has been paused by", seconds)

    def transfer(self, call: int, uri: str) -> None:
        """Send the peer of a call elsewhere (blind)."""
        self.type_line(f"transfer {call} {uri}")

    def attend(self, call: int, other: int) -> None:
        """Connect the peer of a call with the peer of another (attended)."""
        self.type_line(f"transfer {call} --to-call {other}")

    def press(self, digits: str) -> None:
        """Press keys in the current call."""
        for digit in digits:
            self.type_line(digit)

    def wait_registered(self) -> None:
        """Wait until its registrar has taken it."""

        def registered() -> bool:
            self.type_line("status register")
            return "registered, identity=" in self.output()

        eventually(f"{self.name} is registered", registered, every=0.1)

    def heard(self) -> Path:
        """Return the WAV file of what its calls heard, one behind the other; for after their end.

        Its head is written when it is closed.
        """
        eventually("linphonec has closed its ear", lambda: not self.has_open(self._ear))
        return self._ear

    def seconds_heard(self) -> float:
        """Return how many seconds its calls have heard so far."""
        size = self._ear.stat().st_size if self._ear.exists() else 0
        return max(0, size - 44) / 2 / RATE
