import re

import pytest

from signaling.calls import exchange, holding, referral, states, transfer
from signaling.dialogs import subscription
from signaling.transactions import client, invite_client, invite_server, server
from tools.diagrams import (
    CALL_DIAGRAMS,
    PAGE,
    SUBSCRIPTION_DIAGRAMS,
    TRANSACTION_DIAGRAMS,
    Arrow,
    Diagram,
    main,
    mermaid,
    page,
)

TABLES = (
    invite_client.TABLE,
    invite_server.TABLE,
    client.TABLE,
    server.TABLE,
    states.OUTGOING,
    states.INCOMING,
    exchange.TABLE,
    holding.TABLE,
    transfer.TRANSFEROR,
    referral.TRANSFEREE,
    subscription.SUBSCRIBER,
    subscription.NOTIFIER,
)
DIAGRAMS = (*TRANSACTION_DIAGRAMS, *CALL_DIAGRAMS, *SUBSCRIPTION_DIAGRAMS)


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run tools/diagrams.py --write"
    assert main(["--check"]) == 0


def test_each_cell_of_each_table_is_an_arrow() -> None:
    drawn = [{(a.source, a.trigger) for a in diagram.arrows} for diagram in DIAGRAMS]
    cells = [{(s.name, t.value) for s, row in table.items() for t in row} for table in TABLES]
    assert drawn == cells


def test_triggers_that_do_the_same_share_an_arrow() -> None:
    arrows = (Arrow("A", "B", "x", "go"), Arrow("A", "B", "y", "go"), Arrow("B", "A", "z", ""))
    assert list(mermaid(Diagram("title", "where", "A", arrows, over="B"))) == [
        "stateDiagram-v2",
        "    [*] --> A",
        "    A --> B: x or y / go",
        "    B --> A: z",
        "    B --> [*]",
    ]


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.title)
def test_the_lines_are_mermaid(diagram: Diagram) -> None:
    for line in list(mermaid(diagram))[1:]:
        assert re.fullmatch(r" {4}(\[\*\]|\w+) --> (\[\*\]|\w+)(: [^:;#]+)?", line), line


def test_each_diagram_names_a_file_that_is_there() -> None:
    for diagram in DIAGRAMS:
        assert (PAGE.parent.parent / diagram.where).is_file()
