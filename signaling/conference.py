"""A conference as plain data: who is in it, as what, and where it is mixed."""

import msgspec

from bus.ids import CallId, PeerId, StreamId, WorkerId
from bus.routing import ConferenceInfo, MemberInfo


class Member(msgspec.Struct, kw_only=True):
    """What a call is there."""

    role: str
    to: CallId
    gain: float
    """dB."""
    muted: bool


class Conference(msgspec.Struct, kw_only=True):
    """Members by their calls; ``stream`` is the room on ``worker``, 0 until there is one."""

    id: str
    owner: PeerId
    until_empty: bool
    worker: WorkerId = WorkerId("")
    stream: StreamId = StreamId(0)
    members: dict[CallId, Member] = {}
    record: str = ""

    def info(self) -> ConferenceInfo:
        """Describe it."""
        members = tuple(
            MemberInfo(call=call, role=each.role, to=each.to, gain=each.gain, muted=each.muted)
            for call, each in self.members.items()
        )
        return ConferenceInfo(
            conference=self.id,
            owner=self.owner,
            worker=self.worker,
            members=members,
            record=self.record,
        )
