from typing import get_args

import pytest

from signaling.transactions import layer, outs


@pytest.mark.parametrize("kind", get_args(outs.Out), ids=lambda kind: kind.__name__)
def test_the_layer_offers_each_of_them(kind: type) -> None:
    assert getattr(layer, kind.__name__) is kind
    assert kind.__name__ in layer.__all__


def test_each_says_which_transaction_it_is_about_where_there_is_one() -> None:
    keyless = {outs.Transmit, outs.AckReceived, outs.StrayResponse}
    assert {kind for kind in get_args(outs.Out) if not hasattr(kind, "key")} == keyless
