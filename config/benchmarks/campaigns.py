"""Campaigns: sealing against a bare INSERT … SELECT, sending against a bare loop, endpoints against an empty view."""

import json
import subprocess
import sys
from typing import Any

from config.benchmarks import Size


def run(size: Size) -> dict[str, Any]:
    """Seal `size.customers` and send to at most 4,000 of them, in a process and a database of their own."""
    words = [sys.executable, "-m", "chaos.bench", str(size.customers)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
