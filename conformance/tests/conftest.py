"""Makes the folders of the suite importable for its tests."""

import sys
from pathlib import Path

# The broken peers and the fixture are folders of the repository, not of the package.
HOME = Path(__file__).parents[1]
sys.path[:0] = [str(HOME.parent), str(HOME / "tests")]
