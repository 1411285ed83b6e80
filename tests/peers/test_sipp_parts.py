from xml.etree import ElementTree

import pytest

from tests.peers import sipp_parts

NAMES = sorted(path.stem for path in sipp_parts.FOLDER.glob("*.xml"))


@pytest.mark.parametrize("name", NAMES)
def test_each_scenario_is_whole(name: str) -> None:
    text = sipp_parts.scenario(name, 486)
    assert "@" not in text.replace("@127.0.0.1", "").replace("@[remote_ip]", "")
    assert "<part" not in text
    tree = ElementTree.fromstring(text)
    assert tree.get("name") == name
    for send in tree.iter("send"):
        check_message((send.text or "").strip().splitlines())


def check_message(lines: list[str]) -> None:
    """A start line, headers without a gap, an empty line, perhaps a body."""
    headers, _, body = "\n".join(line.strip() for line in lines).partition("\n\n")
    first, *rest = headers.splitlines()
    assert "SIP/2.0" in first
    assert all(":" in line or line.startswith("[") for line in rest), rest
    assert bool(body.strip()) == ("Content-Length: [len]" in headers)


def test_every_part_is_used() -> None:
    folders = (sipp_parts.FOLDER, sipp_parts.FOLDER / "parts")
    texts = "".join(path.read_text() for folder in folders for path in folder.glob("*.xml"))
    for path in (sipp_parts.FOLDER / "parts").glob("*.xml"):
        assert f'<part name="{path.stem}"' in texts
