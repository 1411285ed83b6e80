"""How header fields are spelled, which have a short form, and which are lists.

Names compare without case; on the wire and in ``Message.headers`` they have the spelling of the RFC
that defines them.
"""

from typing import Final

COMPACT: Final = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
"""The forms of RFC 3261 7.3.3 and of those registered since."""

LISTS: Final = frozenset(
    {
        "Accept",
        "Accept-Contact",
        "Accept-Encoding",
        "Accept-Language",
        "Alert-Info",
        "Allow",
        "Allow-Events",
        "Call-Info",
        "Contact",
        "Content-Encoding",
        "Content-Language",
        "Diversion",
        "Error-Info",
        "History-Info",
        "In-Reply-To",
        "P-Asserted-Identity",
        "P-Associated-URI",
        "P-Preferred-Identity",
        "Path",
        "Proxy-Require",
        "Reason",
        "Record-Route",
        "Reject-Contact",
        "Request-Disposition",
        "Require",
        "Route",
        "Security-Client",
        "Security-Server",
        "Security-Verify",
        "Service-Route",
        "Supported",
        "Unsupported",
        "Via",
        "Warning",
    }
)
"""Their grammar is a comma-separated list.  Challenges have commas too, but are one value each."""

SINGLE: Final = (
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Max-Forwards",
    "Content-Type",
    "Content-Length",
)
"""May be there once only; others that may not are read by their first value."""

REQUIRED: Final = ("Via", "From", "To", "Call-ID", "CSeq")
"""In every message (RFC 3261 8.1.1).  Max-Forwards is missing in messages of RFC 2543."""

NAMES: Final = frozenset(
    {
        *LISTS,
        *SINGLE,
        *REQUIRED,
        *COMPACT.values(),
        "Authentication-Info",
        "Authorization",
        "Content-Disposition",
        "Content-ID",
        "Content-Transfer-Encoding",
        "Date",
        "Expires",
        "Flow-Timer",
        "Geolocation",
        "Join",
        "MIME-Version",
        "Min-Expires",
        "Min-SE",
        "Organization",
        "P-Access-Network-Info",
        "P-Charging-Vector",
        "P-Early-Media",
        "Priority",
        "Privacy",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "RAck",
        "Refer-Sub",
        "Replaces",
        "Reply-To",
        "Retry-After",
        "RSeq",
        "Server",
        "SIP-ETag",
        "SIP-If-Match",
        "Session-ID",
        "Subscription-State",
        "Target-Dialog",
        "Timestamp",
        "User-Agent",
        "WWW-Authenticate",
    }
)

SPELLING: Final = {
    **{name.lower(): name for name in NAMES},
    **COMPACT,
}
"""Lower case or short form -> the RFC's spelling."""
