"""The experiments keep their promises on planted truth."""

import numpy as np
import pytest

from campaigns.experiments.simulation import MEASURES, SEED, Promise, main


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)
def test_the_promise_is_kept(measure):
    promise = measure(np.random.default_rng(SEED), 300)
    assert promise.is_kept, promise


def test_a_broken_promise_is_noticed():
    assert not Promise("too many false winners", 0.09, 0.0, 0.05, 2000).is_kept
    assert not Promise("too narrow", 0.90, 0.94, 0.96, 2000).is_kept


def test_the_command_writes_a_line_per_promise(capsys):
    assert main(["60"]) == 0
    assert capsys.readouterr().out.count("is_kept") == len(MEASURES)
