"""Evaluating ahead: in which order the engine is asked, by whom, and what becomes of a question that fails."""

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from segments import ahead
from segments.evaluation import NotEvaluable
from segments.models import Segment

pytestmark = pytest.mark.django_db


@dataclass
class Asked:
    """Stands for the engine: notes what is prepared and asked in which thread."""

    catalogue: dict = field(default_factory=dict)
    told: list = field(default_factory=list)
    faults: dict = field(default_factory=dict)

    def question(self, segment):
        self.told.append(("prepared", segment.slug, threading.get_ident()))
        if segment.slug in self.faults.get("prepared", ()):
            raise NotEvaluable("unreadable")

        def ask():
            self.told.append(("asked", segment.slug, threading.get_ident()))
            if segment.slug in self.faults.get("asked", ()):
                raise NotEvaluable("refused")
            return np.array([segment.pk])

        return ask

    def slugs(self, what):
        return [slug for told, slug, _ in self.told if told == what]


def segment(pk, slug, *names):
    where = [{"segment": name, "op": "in"} for name in names]
    return Segment(pk=pk, slug=slug, rule={"version": 1, "where": {"all": where}} if names else None)


def test_the_next_are_asked_for_while_one_is_written_by_one_other_thread() -> None:
    engine, ordered = Asked(), [segment(i, f"s{i}") for i in range(1, 7)]
    seen = []
    for one, members in ahead.evaluated(ordered, engine):
        seen.append((one.slug, *members().wanted.tolist()))
        prepared = engine.slugs("prepared")
        assert prepared == [f"s{i}" for i in range(1, min(one.pk + ahead.AHEAD, 6) + 1)], "no further than it may"
    assert seen == [(f"s{i}", i) for i in range(1, 7)]
    here = threading.get_ident()
    assert {who for what, _, who in engine.told if what == "prepared"} == {here}
    askers = {who for what, _, who in engine.told if what == "asked"}
    assert len(askers) == 1
    assert here not in askers


def test_a_rule_that_names_a_segment_is_read_only_when_that_one_is_written() -> None:
    engine = Asked()
    ordered = [segment(1, "a"), segment(2, "b", "a"), segment(3, "c", "b"), segment(4, "d"), segment(5, "e", "other")]
    written: list[str] = []
    needs = {"b": {"a"}, "c": {"b"}}
    for one, members in ahead.evaluated(ordered, engine):
        members()
        for slug in engine.slugs("prepared"):
            assert needs.get(slug, set()) <= {*written} or slug in written, f"{slug} was read too early"
        written.append(one.slug)
    assert written == ["a", "b", "c", "d", "e"]
    assert engine.slugs("prepared").index("d") < engine.slugs("prepared").index("c"), "those that need nothing go ahead"


@pytest.mark.parametrize("when", ["prepared", "asked"])
def test_what_fails_is_told_at_its_own_turn_and_stops_no_other(when: str) -> None:
    engine = Asked(faults={when: ("b",)})
    outcome = {}
    for one, members in ahead.evaluated([segment(1, "a"), segment(2, "b"), segment(3, "c")], engine):
        try:
            outcome[one.slug] = members().wanted.tolist()
        except NotEvaluable as fault:
            outcome[one.slug] = str(fault)
    assert outcome == {"a": [1], "b": "unreadable" if when == "prepared" else "refused", "c": [3]}


def test_nothing_is_asked_any_more_once_the_run_is_given_up() -> None:
    engine = Asked()
    found = ahead.evaluated([segment(i, f"s{i}") for i in range(1, 7)], engine)
    next(found)[1]()
    found.close()
    asked = len(engine.slugs("asked"))
    assert asked <= 1 + ahead.AHEAD
    assert not any(thread.name.startswith("evaluating") for thread in threading.enumerate())
