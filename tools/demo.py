"""A real call, from nothing: set-up, engine, a call with music both ways, pictures, recordings.

    python3 tools/demo.py [FOLDER]

Makes ``.venv`` if there is none, then runs ``tools/demonstration.py`` in it.  The recordings are
kept in FOLDER (default: a new one under the temporary directory).
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.setting_up import ROOT, venv

if __name__ == "__main__":
    python = venv()
    os.environ["PYTHONPATH"] = str(ROOT)
    sys.stdout.flush()
    os.execv(python, [str(python), "-P", "-m", "tools.demonstration", *sys.argv[1:]])
