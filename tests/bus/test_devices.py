import pytest

from bus.devices import DeviceError, DeviceInfo, choose

CARDS = tuple(
    DeviceInfo(
        index=index,
        name=name,
        inputs=inputs,
        outputs=outputs,
        rate=48000.0,
        is_default_input=index == 1,
        is_default_output=index == 2,
    )
    for index, (name, inputs, outputs) in enumerate(
        [("Headset", 1, 2), ("Headset 2", 1, 2), ("Speakers", 0, 2), ("Webcam", 1, 0)]
    )
)


@pytest.mark.parametrize(
    ("wanted", "output", "index"),
    [("", False, 1), ("", True, 2), ("3", False, 3), ("Headset", True, 0), ("web", False, 3)],
)
def test_a_device_is_meant_by_name_by_part_by_index_or_by_default(
    wanted: str, output: bool, index: int
) -> None:
    assert choose(CARDS, wanted, output=output).index == index


@pytest.mark.parametrize(
    ("wanted", "output", "reason"),
    [
        ("web", True, "no output device 'web'; there are: 'Headset', 'Headset 2', 'Speakers'"),
        ("9", False, "no input device '9'"),
        ("head", True, "several output devices 'head'; there are: 'Headset', 'Headset 2'"),
    ],
)
def test_what_is_none_or_several_is_refused(wanted: str, output: bool, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        choose(CARDS, wanted, output=output)


def test_a_machine_without_devices_has_no_default() -> None:
    with pytest.raises(DeviceError, match="there are: none"):
        choose((), "", output=True)
