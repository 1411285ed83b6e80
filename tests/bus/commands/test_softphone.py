import pytest

from bus.commands.softphone import Phone, SoftphoneOptions, is_device, phone_of, source_of
from bus.errors import BadRequestError
from bus.sources import Device, Silence, Tone


def options(**flags: object) -> SoftphoneOptions:
    return SoftphoneOptions(**flags)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("play", "flags", "phone"),
    [
        ("silence", {}, Phone()),
        ("device", {}, Phone(Device())),
        ("device", {"listen": "device"}, Phone(Device(), Device())),
        ("device:mic", {"listen": "device:spk"}, Phone(Device("mic"), Device("spk"))),
        ("device", {"listen": "device", "device": "set"}, Phone(Device("set"), Device("set"))),
        (
            "device",
            {"listen": "device", "input": "mic", "output": "spk", "voice": True},
            Phone(Device("mic", voice=True), Device("spk")),
        ),
        ("tone:440", {"listen": "device"}, Phone(None, Device())),
    ],
)
def test_flags_name_devices(play: str, flags: dict[str, object], phone: Phone) -> None:
    assert phone_of(play, options(**flags)) == phone


def test_one_can_only_listen_with_a_device() -> None:
    with pytest.raises(BadRequestError, match="`device`"):
        phone_of("silence", options(listen="call.wav"))


def test_a_microphone_is_no_source_of_the_engine() -> None:
    assert (is_device("device"), is_device("device:x"), is_device("tone:440")) == (
        *(True, True, False),
    )
    assert source_of("device:x") == Silence()
    assert source_of("tone:300") == Tone(300)
