"""The little that an application needs to know of a SIP URI; signaling parses it properly."""

import re
from urllib.parse import unquote

_SIP_URI = re.compile(
    r"sips?:([^@\s]*@)?(?P<host>\[[0-9a-f:.]+\]|[^\s:;?@\[\]]+)(:\d+)?([;?]\S*)?", re.IGNORECASE
)


def user_of(uri: str) -> str:
    """Return the user of a SIP URI, unescaped; empty if it has none."""
    user = uri.partition(":")[2].rpartition("@")[0]
    return unquote(user.partition(":")[0])


def host_of(uri: str) -> str:
    """Return the host of a SIP URI, IPv6 without brackets; empty if it is no SIP URI."""
    found = _SIP_URI.fullmatch(uri.strip())
    return found["host"].strip("[]") if found else ""
