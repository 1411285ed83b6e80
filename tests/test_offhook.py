import ast
from pathlib import Path

import offhook


def test_all_that_is_imported_is_public_and_nothing_else() -> None:
    tree = ast.parse(Path(offhook.__file__).read_text())
    imported = [
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(imported) == offhook.__all__


def test_every_public_name_is_documented() -> None:
    for name in offhook.__all__:
        if name != "AnyOutcome":
            assert getattr(offhook, name).__doc__, name


def test_it_stays_a_few_dozen_lines() -> None:
    code = Path(offhook.__file__).read_text().partition("__all__")[0]
    assert len(code.splitlines()) < 90
