"""Entry point of ``python -P -m mediaworker.devices``; see ``bus.devices`` for what it says."""

import argparse
import sys

from bus.audio_rings import AudioClosedError, AudioEnd
from bus.columns import SchemaMismatchError
from bus.devices import MICROPHONE, RINGER, SPEAKER, DeviceError, DeviceReport, Impossible, Listed
from mediaworker.devices.cards import listed
from mediaworker.devices.service import Service, encode


def say(report: DeviceReport) -> None:
    """Write one line."""
    sys.stdout.buffer.write(encode(report) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """List the devices, or serve one."""
    parser = argparse.ArgumentParser(prog="mediaworker.devices")
    parser.add_argument("part", choices=["list", MICROPHONE, SPEAKER, RINGER])
    parser.add_argument("--device", default="")
    parser.add_argument("--rings", default="")
    parser.add_argument("--stream", type=int, default=0)
    parser.add_argument("--voice", action="store_true")
    arguments = parser.parse_args()
    try:
        if arguments.part == "list":
            say(Listed(listed()))
            return
        ring = AudioEnd.find(arguments.rings, arguments.stream) if arguments.rings else None
        service = Service(arguments.part, arguments.device, ring, say, voice=arguments.voice)
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as orders:
            service.run(orders)
    except (DeviceError, AudioClosedError, SchemaMismatchError, OSError) as error:
        say(Impossible(str(error)))


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)
