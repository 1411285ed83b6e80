"""``python -P -m bus`` is the command ``offhook``."""

import sys

from bus.cli import main

if __name__ == "__main__":
    sys.exit(main())
