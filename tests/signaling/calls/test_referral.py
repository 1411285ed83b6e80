"""The table of the transferee: a REFER is answered once, and the last word is said once."""

import pytest

from signaling.calls.referral import TRANSFEREE, Deed, Turn, Word
from signaling.calls.transferee import DO

ANSWERS = {Deed.GRANT, Deed.REFUSE}


def test_every_deed_is_built() -> None:
    assert set(DO) == set(Deed)


def test_refer_is_answered_once() -> None:
    for turn, row in TRANSFEREE.items():
        for _, deeds in row.values():
            assert len(ANSWERS & set(deeds)) == (turn is Turn.ASKED)


def test_the_old_call_is_hung_up_only_after_the_new_one_is_up() -> None:
    cells = [(turn, to, ds) for turn, row in TRANSFEREE.items() for to, ds in row.values()]
    assert [turn for turn, _, deeds in cells if Deed.HANG_UP in deeds] == [Turn.PARTING]
    assert [turn for turn, to, _ in cells if to is Turn.PARTING] == [Turn.REACHED]
    assert [turn for turn, to, _ in cells if to is Turn.REACHED] == [Turn.FOLLOWING]
    assert TRANSFEREE[Turn.FOLLOWING][Word.ANSWERED][0] is Turn.REACHED


def test_after_the_last_notify_there_is_none() -> None:
    for turn in (Turn.REACHED, Turn.FAILED, Turn.PARTING, Turn.OVER):
        deeds = {deed for _, ds in TRANSFEREE[turn].values() for deed in ds}
        assert not deeds & {Deed.NOTIFY, Deed.NOTIFY_LAST}


@pytest.mark.parametrize("turn", Turn)
def test_every_turn_has_a_row_and_a_way_out(turn: Turn) -> None:
    assert turn in TRANSFEREE
    assert bool(TRANSFEREE[turn]) == (turn is not Turn.OVER)
