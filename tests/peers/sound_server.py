"""PulseAudio with sound cards that are none, in a folder and a process of its own.

    test --> feed_NAME --> NAME_microphone          NAME_speaker --> tap_NAME --> test

Each is a device of ALSA, and so of PortAudio; ``environ`` leads a process to them.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from ctypes.util import find_library
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.processes import Running, eventually

CARD = 'pcm.{name} {{ type pulse device "{device}" hint {{ show on description "{name}" }} }}'


def lacking() -> str:
    """Return what is not installed."""
    if not find_library("portaudio"):
        return "the library PortAudio"
    plugins = list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
    return "" if plugins else "the ALSA plugins for PulseAudio"


class SoundServer:
    """A context manager; its cards belong to the given names."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.folder = Path(tempfile.mkdtemp(prefix="offhook-sound-"))
        self.socket = self.folder / "native"
        self.config = self.folder / "asound.conf"
        self.server: Running | None = None
        lines = ["</usr/share/alsa/alsa.conf>", "pcm.!default { type pulse }"]
        for name in names:
            places = {
                f"{name}_speaker": f"{name}_s",
                f"{name}_microphone": f"{name}_m.monitor",
                f"feed_{name}": f"{name}_m",
                f"tap_{name}": f"{name}_s.monitor",
            }
            lines += [CARD.format(name=card, device=place) for card, place in places.items()]
        self.config.write_text("\n".join(lines) + "\n")

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process needs to know."""
        return {
            "ALSA_CONFIG_PATH": str(self.config),
            "PULSE_SERVER": f"unix:{self.socket}",
            "PULSE_RUNTIME_PATH": str(self.folder / "runtime"),
            "PULSE_STATE_PATH": str(self.folder / "state"),
            "PULSE_LATENCY_MSEC": "20",
        }

    def start(self) -> None:
        """Be there, at first or again."""
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--disable-shm=yes"]
        command += ["--exit-idle-time=-1", "--realtime=no", "--high-priority=no"]
        modules = [f"module-native-protocol-unix socket={self.socket} auth-anonymous=1"]
        for name in self.names:
            sinks = f"{name}_s", f"{name}_m"
            modules += [
                f"module-null-sink sink_name={sink} rate=48000 channels=1" for sink in sinks
            ]
        for module in [*modules, "module-always-sink"]:
            command += ["-L", module]
        self.server = Running(
            command, folder=self.folder, log="pulseaudio.log", environ=self.environ
        )
        eventually("PulseAudio serves", self._serves, seconds=15)

    def kill(self) -> None:
        """Unplug everything."""
        if self.server is not None:
            self.server.kill()
            self.socket.unlink(missing_ok=True)

    def loop(self, name: str) -> None:
        """Let the microphone of somebody hear what the speaker says."""
        module = [
            "module-loopback",
            f"source={name}_s.monitor",
            f"sink={name}_m",
            "latency_msec=10",
        ]
        self._control("load-module", *module)

    def _serves(self) -> bool:
        return self._control("info", check=False).returncode == 0

    def _control(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        environ = {"PATH": "/usr/bin:/bin", **self.environ}
        return subprocess.run(
            ["pactl", *words], env=environ, check=check, capture_output=True, timeout=10
        )

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
