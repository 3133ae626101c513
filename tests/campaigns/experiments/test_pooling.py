"""Segments read together: published tables, planted differences, controlled false discoveries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests

from campaigns.experiments.pooling import Estimate, discoveries, pool

# Efron and Morris (1975), table 1: hits in the first 45 times at bat of 18 players, 1970.
HITS = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]
# Benjamini and Hochberg (1995), section 3.2: fifteen p-values of the thrombolysis trial.
FIFTEEN = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
FIFTEEN += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
# Rubin (1981): coaching effects and standard errors of eight schools.
SCHOOLS = [
    (28.39, 14.9),
    (7.94, 10.2),
    (-2.75, 16.3),
    (6.82, 11.0),
    (-0.64, 9.4),
    (0.63, 11.4),
    (18.01, 10.4),
    (12.16, 17.6),
]


def test_shrinkage_equals_efron_and_morris_baseball():
    """Efron and Morris (1977): the shrinking factor is 0.212, and Clemente's 0.400 becomes 0.294."""
    error = (0.2654 * (1 - 0.2654) / 45) ** 0.5
    answer = pool([Estimate(hits / 45, error) for hits in HITS])
    assert 1 - answer.segments[0].borrowed == pytest.approx(0.212, abs=0.002)
    assert answer.segments[0].difference == pytest.approx(0.294, abs=0.001)
    assert answer.segments[-1].difference == pytest.approx(0.242, abs=0.001)


def test_shrunk_batting_averages_predict_the_season_better_than_raw_ones():
    """The rest of the season, Efron and Morris (1975), table 1."""
    season = [0.346, 0.298, 0.276, 0.222, 0.273, 0.270, 0.263, 0.210, 0.269]
    season += [0.230, 0.264, 0.256, 0.303, 0.264, 0.226, 0.285, 0.316, 0.200]
    error = (0.2654 * (1 - 0.2654) / 45) ** 0.5
    answer = pool([Estimate(hits / 45, error) for hits in HITS])
    raw = sum((hits / 45 - truth) ** 2 for hits, truth in zip(HITS, season, strict=True))
    shrunk = sum((s.difference - truth) ** 2 for s, truth in zip(answer.segments, season, strict=True))
    assert raw == pytest.approx(0.077, abs=0.002)
    assert shrunk == pytest.approx(0.022, abs=0.002)


def test_heterogeneity_of_the_eight_schools_agrees_with_statsmodels():
    effects, errors = zip(*SCHOOLS, strict=True)
    oracle = combine_effects(np.array(effects), np.array(errors) ** 2, method_re="dl")
    answer = pool([Estimate(*school) for school in SCHOOLS])
    assert answer.q == pytest.approx(oracle.q)
    assert answer.between_deviation**2 == pytest.approx(max(0, oracle.tau2))
    assert answer.common.difference == pytest.approx(7.9, abs=0.05)  # Rubin's pooled estimate
    assert answer.common.standard_error == pytest.approx(4.2, abs=0.1)
    assert answer.p_value > 0.5


def test_heterogeneity_where_segments_differ_agrees_with_statsmodels():
    effects, errors = np.array([0.01, 0.05, -0.02, 0.08, 0.03]), np.array([0.01, 0.02, 0.015, 0.01, 0.02])
    oracle = combine_effects(effects, errors**2, method_re="dl")
    answer = pool([Estimate(*pair) for pair in zip(effects, errors, strict=True)])
    assert answer.between_deviation**2 == pytest.approx(oracle.tau2)
    assert answer.common.difference == pytest.approx(oracle.mean_effect_re)
    assert answer.inconsistency == pytest.approx(oracle.i2)


def test_the_interaction_test_raises_false_alarms_at_its_level_only():
    random = np.random.default_rng(31)
    errors = random.uniform(0.5, 2, 8)
    alarms = [
        pool([Estimate(*e) for e in zip(random.normal(1, errors), errors, strict=True)]).p_value for _ in range(2000)
    ]
    assert np.mean(np.array(alarms) < 0.05) == pytest.approx(0.05, abs=0.015)


def test_pooled_intervals_cover_and_pooled_estimates_are_closer():
    random = np.random.default_rng(32)
    covered, raw, shrunk = [], 0.0, 0.0
    for _ in range(800):
        truth = random.normal(1, 0.7, 10)
        errors = random.uniform(0.5, 1.5, 10)
        seen = random.normal(truth, errors)
        answer = pool([Estimate(*pair) for pair in zip(seen, errors, strict=True)])
        covered += [t in s.interval for t, s in zip(truth, answer.segments, strict=True)]
        raw += np.sum((seen - truth) ** 2)
        shrunk += sum((s.difference - t) ** 2 for s, t in zip(answer.segments, truth, strict=True))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
    assert shrunk < 0.6 * raw


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_segments_say_too_little_to_borrow_and_their_intervals_still_cover(count):
    """Shrunk without Morris' correction, two or three segments were covered in 87 % where 95 % was claimed."""
    random = np.random.default_rng(33)
    covered = []
    for _ in range(1500):
        errors, truth = random.uniform(0.5, 1.5, count), random.normal(1, 1, count)
        answer = pool([Estimate(*pair) for pair in zip(random.normal(truth, errors), errors, strict=True)])
        covered += [t in s.interval for t, s in zip(truth, answer.segments, strict=True)]
        assert (answer.segments[0].borrowed > 0) == (count > 3)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_the_uncertainty_of_a_shrunk_segment_is_that_of_morris():
    """Morris (1983), section 5, written out for one segment of four with unequal errors."""
    effects, variances = np.array([0.0, 2.0, 5.0, 9.0]), np.array([1.0, 2.0, 1.0, 4.0])
    answer = pool([Estimate(*pair) for pair in zip(effects, np.sqrt(variances), strict=True)])
    between = answer.between_deviation**2
    weights = 1 / (variances + between)
    mean, usual = np.average(effects, weights=weights), np.average(variances, weights=weights)
    shrink = (4 - 3) / (4 - 1) * variances[3] * weights[3]
    rank = 4 * weights[3] / weights.sum()
    unsure = 2 / (4 - 3) * shrink**2 * (usual + between) * weights[3]
    squared = variances[3] * (1 - (4 - rank) / 4 * shrink) + unsure * (effects[3] - mean) ** 2
    assert between > 0
    assert answer.segments[3].standard_error == pytest.approx(squared**0.5)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 3)), min_size=2, max_size=12))
def test_pooling_never_leaves_the_span_between_own_and_common(pairs):
    answer = pool([Estimate(*pair) for pair in pairs])
    for (own, _), segment in zip(pairs, answer.segments, strict=True):
        low, high = sorted((own, answer.common.difference))
        assert low - 1e-9 <= segment.difference <= high + 1e-9
        assert 0 <= segment.borrowed <= 1


def test_one_segment_cannot_borrow():
    assert pool([Estimate(1, 1)]).code == "too_few_segments"


def test_discoveries_equal_the_example_of_benjamini_and_hochberg():
    assert sum(q <= 0.05 for q in discoveries(FIFTEEN)) == 4


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_discoveries_agree_with_statsmodels(p_values):
    assert discoveries(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1].tolist())
