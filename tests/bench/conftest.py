"""The benchmarks are no part of the package: found in the source tree, last, so that the build under test stays first."""

from __future__ import annotations

import sys
from pathlib import Path

from support.fixtures import start_relay, visit_at

__all__ = ["start_relay", "visit_at"]

sys.path.append(str(Path(__file__).parents[2]))
