"""``offhook up`` from a bare checkout: ``python3 tools/supervisor.py [flags of up]``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bus.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "up")
    sys.exit(main())
