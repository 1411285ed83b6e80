import msgspec
import pytest

from bus.ids import CallId
from bus.quality import GRADES, Grade, MediaTimeout, QualityChanged, grade_of

GOOD, FAIR, POOR = GRADES


@pytest.mark.parametrize(
    ("mos", "before", "grade"),
    [
        (4.4, GOOD, GOOD),
        (3.6, GOOD, GOOD),
        (3.59, GOOD, FAIR),
        (3.1, GOOD, FAIR),
        (3.09, GOOD, POOR),
        (1.0, FAIR, POOR),
        (3.65, FAIR, FAIR),
        (3.71, FAIR, GOOD),
        (3.15, POOR, POOR),
        (3.21, POOR, FAIR),
        (3.65, POOR, FAIR),
        (4.0, POOR, GOOD),
    ],
)
def test_a_better_grade_must_be_clear(mos: float, before: Grade, grade: Grade) -> None:
    assert grade_of(mos, before) is grade


def test_on_the_wire() -> None:
    timeout = MediaTimeout(call=CallId("a-1"), seconds=10.0)
    changed = QualityChanged(
        call=CallId("a-1"),
        grade=POOR,
        mos=3.0,
        mos_conversational=2.9,
        loss_percent=9.0,
        jitter_ms=1.0,
        round_trip_ms=30.0,
    )
    assert msgspec.json.encode(timeout) == (
        b'{"verb":"media_timeout","call":"a-1","seconds":10.0,"goodbye":false}'
    )
    assert msgspec.json.decode(msgspec.json.encode(changed), type=QualityChanged) == changed
