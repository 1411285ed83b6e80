"""Which streams of a worker hear each other: two by two, or in the mix of a room.

    bridge      each of two plays the other one (``Kind.LEG``)
    room        a row without a peer; its members play its mix (``Kind.MIX``), and it is what they
                say, and what it is played itself

Rows that hear each other are a group: they are due in the same tick.
"""

import math
from typing import Final

import numpy as np

from mediaworker import sounding
from mediaworker.masks import places
from mediaworker.media import Media
from mediaworker.rooms import Room, Whisper
from mediaworker.stages.anchor import clear
from mediaworker.stages.pace import gather
from mediaworker.streams import Kind

OWN: Final = frozenset(
    {"group", "room", "room_gain", "whispers", "offline", "tapped", "gain_in", "gain_out"}
)
"""Columns that these commands write and no stage."""

UNITY: Final = np.float32(1)


def bridge(media: Media, row: int, other: int, *, play: bool = True) -> None:
    """Let each of two rows hear the other; without ``play``, as soon as they play each other."""
    for each in (row, other):
        part(media, each)
    _group(media, (row, other), min(row, other) + 1)
    if play:
        sounding.play_leg(media, row, other)
        sounding.play_leg(media, other, row)


def open_room(media: Media, row: int) -> None:
    """Let a row be a room."""
    streams = media.streams
    streams.offline[row] = streams.sends[row] = streams.tapped[row] = True
    media.pausing.add(row)
    streams.room[row], streams.room_gain[row] = row + 1, UNITY
    _group(media, (row,), row + 1)
    arrange(media, row)


def enter(
    media: Media, row: int, room: int, gain: float, whispers_to: int = -1, *, play: bool = True
) -> None:
    """Let a row hear a room and (if ``gain`` is not 0) be heard there, or by one of its rows."""
    streams = media.streams
    if streams.room[row] != room + 1:
        part(media, row)
        _group(media, (row,), room + 1)
        if play:
            sounding.play_mix(media, row, room)
    streams.room[row], streams.room_gain[row] = room + 1, gain
    streams.whispers[row] = whispers_to + 1
    arrange(media, room)


def part(media: Media, row: int) -> None:
    """Let a row hear and be heard by nobody."""
    streams = media.streams
    room, group = int(streams.room[row]) - 1, int(streams.group[row])
    if streams.offline[row]:
        for member in places(streams.room[: media.high] == row + 1).tolist():
            if member != row:
                part(media, member)
        streams.offline[row] = False
        media.pausing.discard(row)
        media.rooms.pop(row, None)
    streams.room[row] = streams.whispers[row] = streams.group[row] = 0
    streams.room_gain[row] = 0
    media.grouped.discard(row)
    sounding.forget(media, row, (Kind.LEG, Kind.MIX))
    if room >= 0 and room != row:
        streams.whispers[: media.high][streams.whispers[: media.high] == row + 1] = -1
        arrange(media, room)
    elif group and room < 0:
        for other in places(streams.group[: media.high] == group).tolist():
            part(media, other)
    _untap(media)


def arrange(media: Media, room: int) -> None:
    """Work out who is heard in a room."""
    streams = media.streams
    members = places(streams.room[: media.high] == room + 1)
    gains, whispers = streams.room_gain[members], streams.whispers[members]
    streams.tapped[members] = gains != 0
    scales = streams.scale[members]
    wide = int(scales[members != room].max()) if len(members) > 1 else 1
    if streams.scale[room] != wide:
        _widen(media, room, wide)
        scales = streams.scale[members]
    loud = (gains != 0) & (whispers == 0)
    speakers = {
        scale: (members[loud & (scales == scale)], gains[loud & (scales == scale)])
        for scale in np.unique(scales[loud]).tolist()
    }
    media.rooms[room] = Room(
        math.gcd(*streams.period[members].tolist()),
        speakers,
        tuple(
            Whisper(int(row), int(whispers[place]) - 1, float(gains[place]))
            for place, row in enumerate(members.tolist())
            if whispers[place] > 0
        ),
    )


def changed(media: Media, row: int) -> None:
    """Take account of another packet time or sample rate of a row."""
    room = int(media.streams.room[row]) - 1
    if room >= 0:
        arrange(media, room)
    if row in media.grouped:
        gather(media, row)


def turn(media: Media, row: int, gain_in: float, gain_out: float) -> None:
    """Multiply what the peer of a row says, and what it hears; 0 is mute."""
    media.streams.gain_in[row], media.streams.gain_out[row] = gain_in, gain_out
    if gain_in == gain_out == 1:
        media.gained.discard(row)
    else:
        media.gained.add(row)


def _group(media: Media, rows: tuple[int, ...], group: int) -> None:
    for row in rows:
        media.streams.group[row] = group
        media.grouped.add(row)
        gather(media, row)


def _widen(media: Media, room: int, scale: int) -> None:
    streams = media.streams
    streams.scale[room] = scale
    streams.frame[room] = streams.frame[room] // (3 - scale) * scale
    clear(media, room)


def _untap(media: Media) -> None:
    """Cease to tap whom nobody listens to."""
    streams, high = media.streams, media.high
    tapped = streams.room_gain[:high] != 0
    for kinds, rows in (
        (streams.source_kind[:high], streams.source_row[:high]),
        (streams.waiting_kind[:high], streams.waiting_row[:high]),
    ):
        tapped[rows[kinds == Kind.LEG]] = True
    streams.tapped[:high] = tapped
