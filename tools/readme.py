"""Write the table of settings into the README, from the tree of settings itself.

.venv/bin/python -m tools.readme
"""

from typing import Final

from bus.loading import describe
from tools.setting_up import ROOT

README: Final = ROOT / "README.md"
START: Final = "<!-- settings: written by tools/readme.py from bus/settings.py -->\n"
END: Final = "<!-- end of settings -->\n"


def settings_table() -> str:
    """Return the table, one row a setting, as Markdown."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for row in describe():
        meaning = row.meaning.replace("|", "\\|")
        rows.append(f"| `{row.key}` | `{row.default}` | {meaning} |")
    return "\n".join(rows) + "\n"


def with_settings(text: str) -> str:
    """Return the README's text with the table as it should be."""
    before, _, rest = text.partition(START)
    return f"{before}{START}{settings_table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    README.write_text(with_settings(README.read_text()))
