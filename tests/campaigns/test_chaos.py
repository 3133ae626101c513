"""Whatever dies, nobody gets it twice and everyone is accounted for: real processes, killed for real."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

ON_POSTGRES = os.environ.get("DATABASE_URL", "").startswith("postgres")


@pytest.mark.slow(40)
@pytest.mark.database
@pytest.mark.parametrize(
    "words",
    [
        ["launches", "points", "kills", "cuts", "resends", "--messages", "300", "--kills", "3"],
        # It starts a PostgreSQL of its own, so once is enough: in the round that has one.
        *([["services", "--messages", "200", "--kills", "4"]] if ON_POSTGRES else []),
    ],
    ids=" ".join,
)
def test_every_promise_is_kept(words: list[str]) -> None:
    known = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *words], cwd=ROOT, env=known, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
