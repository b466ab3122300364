"""Lets the journeys use what the console's own tests look at screens with."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "console" / "tests"))
