"""baresip as a peer: a real telephone, with a file for a microphone and one for an ear.

It is told what to do over its ``ctrl_tcp`` module (JSON in netstrings).  What it says is a WAV file
(``aufile``; it hangs up at the end of the file, so silence is added); what it hears is dumped by
the ``sndfile`` filter.
"""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import numpy as np

from tests.peers.certificates import Certificate
from tests.peers.ports import free_port, wait_bound
from tests.peers.processes import Running, eventually
from tools.sound import RATE, Samples, write_wav

Event = dict[str, str]

SILENCE_SECONDS: Final = 60
MODULES: Final = ("ctrl_tcp", "menu", "contact", "debug_cmd")
RATES: Final = {"G722": 2 * RATE, "L16/16000": 2 * RATE, "opus": 6 * RATE}
"""Of its microphone, as it does not resample well; 8 kHz otherwise."""
CODECS: Final = {
    "PCMU": "pcmu/8000/1",
    "PCMA": "pcma/8000/1",
    "G722": "g722/16000/1",
    "opus": "opus/48000/2",
    "L16/16000": "L16/16000/1",
}
MODULE_PATHS: Final = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules")

CONFIG: Final = """\
poll_method             epoll
sip_listen              127.0.0.1:{sip_port}
net_interface           127.0.0.1
call_local_timeout      120
call_max_calls          4
audio_player            aubridge,ear
audio_source            aufile,{microphone}
audio_alert             aubridge,alert
ausrc_srate             {rate}
auplay_srate            8000
ausrc_channels          1
auplay_channels         1
ausrc_format            s16
auplay_format           s16
auenc_format            s16
audec_format            s16
audio_buffer            40
rtp_ports               {rtp_first}-{rtp_last}
jitter_buffer_delay     2-10
module_path             {module_path}
module                  g711.so
module                  g722.so
module                  opus.so
module                  l16.so
module                  srtp.so
module                  sndfile.so
module                  aufile.so
module                  aubridge.so
module_tmp              uuid.so
module_tmp              account.so
{applications}
{tls}ctrl_tcp_listen         127.0.0.1:{control_port}
snd_path                {folder}
menu_bell               no
ringback_disabled       yes
statmode_default        off
"""


TLS: Final = """\
sip_certificate         {own}
sip_cafile              {trusted}
sip_verify_server       yes
"""


class Baresip(Running):
    """A running baresip with the one account ``sip:USER@127.0.0.1``.

    ``registrar`` is the ``HOST:PORT`` where it registers when it starts, and whose proxy it uses
    for what it dials; ``transport="tls"`` needs its ``certificate`` and the authority ``trusted``.
    ``encryption`` of its media: ``srtp`` (offered), ``srtp-mand`` (insisted upon).
    ``packet_time`` is what it likes to receive, ms.
    """

    def __init__(
        self,
        folder: Path,
        *,
        says: Samples,
        codec: str = "PCMU",
        auto_answer: bool = False,
        transport: str = "udp",
        user: str = "phone",
        registrar: str = "",
        password: str = "",
        certificate: Certificate | None = None,
        trusted: Path | None = None,
        encryption: str = "",
        packet_time: int = 20,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.user = user
        self._transport = transport
        self.port = free_port()
        self._rate = RATES.get(codec, RATE)
        microphone = self._written("microphone", says)
        self._token = self._songs = 0
        self._events: list[Event] = []
        self._unread = b""
        self._control = socket.socket()
        control_port = free_port()
        rtp_first = free_port()
        mode = "auto" if auto_answer else "manual"
        account = (
            f"<sip:{user}@{registrar or '127.0.0.1'};transport={transport}>"
            f";regint={60 if registrar else 0};answermode={mode}"
            f";auth_user={user};auth_pass={password};audio_codecs={CODECS[codec]}"
            f";ptime={packet_time}{encryption and f';mediaenc={encryption}'}"
        )
        (folder / "accounts").write_text(account + "\n")
        (folder / "contacts").write_text("")
        (folder / "config").write_text(
            CONFIG.format(
                sip_port=self.port,
                control_port=control_port,
                microphone=microphone,
                rate=self._rate,
                rtp_first=rtp_first,
                rtp_last=rtp_first + 20,
                folder=folder,
                module_path=next(path for path in MODULE_PATHS if Path(path).exists()),
                tls=_tls(folder, certificate, trusted) if certificate and trusted else "",
                applications="\n".join(f"module_app              {name}.so" for name in MODULES),
            )
        )
        super().__init__(["baresip", "-4", "-v", "-f", folder], folder=folder, log="baresip.log")
        try:
            wait_bound(control_port, "tcp")
            wait_bound(self.port, "udp")
            self._control.connect(("127.0.0.1", control_port))
        except OSError as error:
            self.kill()
            raise AssertionError(f"baresip does not serve: {error}\n{self.output()}") from None

    def kill(self) -> int:
        """End it at once."""
        self._control.close()
        return super().kill()

    @property
    def uri(self) -> str:
        """Where it can be called."""
        port = self.port + 1 if self._transport == "tls" else self.port
        suffix = "" if self._transport == "udp" else f";transport={self._transport}"
        return f"sip:{self.user}@127.0.0.1:{port}{suffix}"

    def tell(self, name: str, parameters: str = "") -> str:
        """Give a command, for example ``dial`` with a URI; return what baresip said to it."""
        self._token += 1
        token = str(self._token)
        order = {"command": name, "params": parameters, "token": token}
        text = json.dumps(order).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))
        for message in self._messages(5.0):
            if message.get("token") == token:
                return message.get("data", "")
            self._keep(message)
        raise AssertionError(f"baresip did not answer to {name}\n{self.output()[-3000:]}")

    def dial(self, uri: str) -> None:
        """Call somebody."""
        self.tell("dial", uri)

    def accept(self) -> None:
        """Answer the call that rings."""
        self.tell("accept")

    def take(self) -> None:
        """Wait until somebody calls, and answer."""
        self.wait_event("CALL_INCOMING")
        self.accept()

    def hang_up(self) -> None:
        """End (or refuse) the current call."""
        self.tell("hangup")

    def wait_over(self) -> None:
        """Wait until one of its calls is over."""
        self.wait_event("CALL_CLOSED")

    def hold(self) -> None:
        """Hold the current call; it sends nothing then."""
        self.tell("hold")

    def resume(self) -> None:
        """Take the current call back."""
        self.tell("resume")

    def say(self, song: Samples) -> None:
        """Say this from now on, in place of what it says; then it is silent."""
        self._songs += 1
        self.tell("ausrc", f"aufile,{self._written(f'song-{self._songs}', song)}")

    def transfer(self, uri: str) -> None:
        """Send the peer of the current call elsewhere (blind)."""
        self.tell("transfer", uri)

    def press(self, digits: str) -> None:
        """Press keys in the current call, one after the other (RFC 4733)."""
        for digit in digits:
            self.tell("sndcode", digit)

    def wait_event(self, kind: str, seconds: float = 10.0) -> Event:
        """Return the next event of a kind (``CALL_ESTABLISHED`` ...), which is then used up."""
        for message in self._waiting(seconds):
            if message.get("type") == kind:
                return message
        raise AssertionError(f"no {kind} from baresip within {seconds} s\n{self.output()[-5000:]}")

    def heard(self) -> Path:
        """Return the WAV file of what its last call heard; for after the end of the call."""
        dumps = sorted(self.folder.glob("dump-*-dec.wav"))
        assert dumps, f"baresip dumped nothing\n{self.output()[-3000:]}"
        eventually("baresip has closed its dump", lambda: not self.has_open(dumps[-1]))
        return dumps[-1]

    def wait_registered(self) -> None:
        """Wait until its registrar has taken it."""
        eventually(f"{self.user} is registered", lambda: " 200 OK (" in self.output())

    def seconds_heard(self) -> float:
        """Return how many seconds its last call has heard so far."""
        sizes = [dump.stat().st_size for dump in sorted(self.folder.glob("dump-*-dec.wav"))]
        return max(0, sizes[-1] - 44) / 2 / RATE if sizes else 0.0

    def _written(self, name: str, song: Samples) -> Path:
        """Write a song, and silence behind it, at the rate of the microphone."""
        times = self._rate // RATE
        if times > 1:
            spectrum = np.fft.rfft(song) * times
            song = np.fft.irfft(spectrum, len(song) * times).astype(np.int16)
        silence = np.zeros(SILENCE_SECONDS * self._rate, np.int16)
        return write_wav(self.folder / f"{name}.wav", np.concatenate([song, silence]), self._rate)

    def _waiting(self, seconds: float) -> Iterator[Event]:
        while self._events:
            yield self._events.pop(0)
        for message in self._messages(seconds):
            if "event" in message:
                yield message

    def _keep(self, message: Event) -> None:
        if "event" in message:
            self._events.append(message)

    def _messages(self, seconds: float) -> Iterator[Event]:
        deadline = time.monotonic() + seconds
        while True:
            while (message := self._cut_message()) is not None:
                yield message
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._control.settimeout(left)
            try:
                received = self._control.recv(65536)
            except TimeoutError:
                return
            if not received:
                return
            self._unread += received

    def _cut_message(self) -> Event | None:
        """Cut one netstring off what was read; None if there is no whole one."""
        length, colon, rest = self._unread.partition(b":")
        if not colon or len(rest) <= int(length):
            return None
        self._unread = rest[int(length) + 1 :]
        fields = cast("dict[str, object]", json.loads(rest[: int(length)]))
        return {key: str(value) for key, value in fields.items()}


def _tls(folder: Path, certificate: Certificate, trusted: Path) -> str:
    own = folder / "own.pem"
    own.write_text(certificate.certificate.read_text() + certificate.key.read_text())
    return TLS.format(own=own, trusted=trusted)
