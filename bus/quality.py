"""How good a call's media are, and that there are none any more.

Grades are those of a score by the E-model (ITU-T G.107).
The bounds are those between the categories of G.109: R = 70 (some are dissatisfied) and R = 60.
"""

from enum import StrEnum
from typing import Final

from bus.body import Body
from bus.ids import CallId


class Grade(StrEnum):
    """What most would say of it."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


GRADES: Final = tuple(Grade)
"""Best first."""
LEAST: Final = {Grade.GOOD: 3.6, Grade.FAIR: 3.1, Grade.POOR: 1.0}
"""Mean opinion score (1 to 4.5) of each at least."""
CLEARLY: Final = 0.1
"""By which a score must be above the bound of a better grade, so that it does not swing."""


class QualityChanged(Body, tag="quality_changed", frozen=True):
    """The conversation is of another grade now; a call begins as a good one.

    Made only when a bound is passed, of five seconds, at most every ten: a good call makes none.
    """

    call: CallId
    grade: Grade
    mos: float
    """As the peer is heard, without the delay (``mos`` of ``Quality``)."""
    mos_conversational: float
    """The score that is graded: with the delay."""
    loss_percent: float
    jitter_ms: float
    round_trip_ms: float


class MediaTimeout(Body, tag="media_timeout", frozen=True):
    """No RTP came for as long as the setting ``media.rtp_timeout`` says, though it should.

    Neither held calls nor pauses of the peer (comfort noise, telephone-events) are meant.
    """

    call: CallId
    seconds: float
    """Without RTP, or since the answer."""
    goodbye: bool = False
    """The peer said BYE by RTCP."""


class MediaResumed(Body, tag="media_resumed", frozen=True):
    """RTP comes again, after ``MediaTimeout``."""

    call: CallId
    seconds: float


QualityEvent = QualityChanged | MediaTimeout | MediaResumed


def grade_of(mos: float, before: Grade) -> Grade:
    """Return the grade of a score, after another grade."""
    for grade in GRADES:
        margin = CLEARLY if GRADES.index(grade) < GRADES.index(before) else 0.0
        if mos >= LEAST[grade] + margin:
            return grade
    return Grade.POOR
