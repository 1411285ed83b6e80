"""Where users are: what a registrar knows, and a proxy asks (RFC 3261 10)."""

import msgspec

from signaling.sip.flow import Flow


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One contact of an address of record."""

    contact: str
    """URI."""
    quality: float = 1.0
    """q, 0 to 1: the caller's preference."""
    expires_at: float
    call_id: str
    cseq: int
    flow: Flow
    """Where the REGISTER came from, and calls go to: a NAT lets them in there."""


class Location(msgspec.Struct):
    """All bindings, by address of record and contact."""

    bindings: dict[str, dict[str, Binding]] = {}
    holders: dict[str, list[str]] = {}
    """Who has a contact, by contact."""

    def of(self, aor: str, now: float) -> list[Binding]:
        """Return who is there, the preferred first, among equals the latest."""
        alive = [each for each in self.bindings.get(aor, {}).values() if each.expires_at > now]
        return sorted(alive, key=lambda each: (-each.quality, -each.expires_at))

    def by_contact(self, contact: str, now: float) -> Binding | None:
        """Return the binding that a Request-URI names, None if several users say it is theirs."""
        holders = self.holders.get(contact, [])
        found = self.bindings[holders[0]][contact] if len(holders) == 1 else None
        return found if found is not None and found.expires_at > now else None

    def ends(self, aor: str, at: float) -> bool:
        """Whether a binding of an address of record expires at an instant."""
        return any(each.expires_at == at for each in self.bindings.get(aor, {}).values())

    def replace(self, aor: str, bindings: dict[str, Binding]) -> None:
        """Set all bindings of an address of record at once."""
        for contact in self.bindings.pop(aor, {}):
            self.holders[contact].remove(aor)
            if not self.holders[contact]:
                del self.holders[contact]
        for contact in bindings:
            self.holders.setdefault(contact, []).append(aor)
        if bindings:
            self.bindings[aor] = bindings

    def expire(self, aor: str, now: float) -> None:
        """Forget what is over."""
        known = self.bindings.get(aor, {})
        self.replace(aor, {uri: each for uri, each in known.items() if each.expires_at > now})
