"""Where the data of the specification is: the folder `v1`, in the source tree or in the wheel.

Not here: what the files mean (see rules, tables, vectors).
"""

from __future__ import annotations

from pathlib import Path

_BESIDE = Path(__file__).parent / "v1"

V1: Path = _BESIDE if _BESIDE.is_dir() else Path(__file__).parents[2] / "v1"
"""The folder of revision 1."""
