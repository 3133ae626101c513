"""What a survey found: counts by the database, scores with the interval that chance leaves open."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from scipy import stats

from profiles.models import Answer, AnswerSheet, Question, QuestionKind, Survey
from profiles.surveys.kinds import KINDS

FEWEST = 30  # answers below which a score is not told: its interval would be wider than the scale is useful
SHOWN_WORDS = 50
PROMOTERS, DETRACTORS = range(9, 11), range(7)
SATISFIED = range(4, 6)
LEVEL = 0.95


@dataclass(frozen=True)
class Score:
    """A figure with its interval at 95 %. NPS in points from −100 to 100; satisfaction as a share of 0–1."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Found:
    """One question: how many answered it, how often each value was given, its score if enough did, and words."""

    question: Question
    answered: int
    counts: tuple[tuple[str, int], ...]
    score: Score | None
    words: tuple[str, ...] = ()


def nps(counts: Mapping[int, int]) -> Score:
    """Net promoter score: promoters (9–10) less detractors (0–6), of a hundred (Reichheld 2003).

    The interval is Wald's for a difference of two shares of one multinomial sample: var = (p + d − (p − d)²) / n.

    >>> score = nps({10: 50, 8: 30, 3: 20})
    >>> round(score.value), round(score.low), round(score.high)
    (30, 15, 45)
    """
    n = sum(counts.values())
    p = sum(counts.get(one, 0) for one in PROMOTERS) / n
    d = sum(counts.get(one, 0) for one in DETRACTORS) / n
    reach = stats.norm.ppf((1 + LEVEL) / 2) * math.sqrt(max(p + d - (p - d) ** 2, 0) / n)
    low, high = max(p - d - reach, -1), min(p - d + reach, 1)
    return Score("nps", 100 * (p - d), 100 * low, 100 * high)


def satisfaction(counts: Mapping[int, int]) -> Score:
    """Share of fours and fives, with Wilson's interval (1927)."""
    n, satisfied = sum(counts.values()), sum(counts.get(one, 0) for one in SATISFIED)
    interval = stats.binomtest(satisfied, n).proportion_ci(LEVEL, method="wilson")
    return Score("satisfaction", satisfied / n, interval.low, interval.high)


SCORES = {QuestionKind.NPS: nps, QuestionKind.RATING: satisfaction}


def scored_questions() -> list[dict[str, str]]:
    """Survey, key and kind of every question whose answers make a score."""
    rows = Question.objects.filter(kind__in=SCORES).order_by("survey__slug", "key")
    return [
        {"survey": survey, "question": key, "kind": kind}
        for survey, key, kind in rows.values_list("survey__slug", "key", "kind")
    ]


def score(kind: str, counts: Mapping[int, int]) -> Score | None:
    """The score of answers to questions of a kind, by how often each was given; None where too few answered."""
    return SCORES[QuestionKind(kind)](counts) if sum(counts.values()) >= FEWEST else None


def results(survey: Survey, *, has_words: bool = False) -> list[Found]:
    """Every question of the survey in its order; three questions to the database, whatever the number of answers."""
    questions = list(survey.questions.all())
    rows = Answer.objects.filter(question__survey=survey).exclude(question__kind=QuestionKind.TEXT).order_by()
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    for row in rows.values("question", "value").annotate(n=Count("pk")):
        counted[row["question"]][row["value"]] = row["n"]
    people = Answer.objects.filter(question__survey=survey).order_by().values("question")
    answered = {row["question"]: row["n"] for row in people.annotate(n=Count("sheet", distinct=True))}
    words = latest_words([one.pk for one in questions if has_words and one.kind == QuestionKind.TEXT])
    return [found(one, answered.get(one.pk, 0), counted[one.pk], words.get(one.pk, ())) for one in questions]


def found(question: Question, answered: int, counts: Mapping[str, int], words: Sequence[str]) -> Found:
    numbers = KINDS[question.kind].numbers
    shown = [str(one) for one in numbers] if numbers else question.choices
    score = SCORES[QuestionKind(question.kind)] if numbers and answered >= FEWEST else None
    told = score({int(value): n for value, n in counts.items()}) if score else None
    return Found(question, answered, tuple((one, counts.get(one, 0)) for one in shown), told, tuple(words))


def latest_words(questions: Sequence[int]) -> dict[int, list[str]]:
    """The newest answers in own words, without who gave them."""
    found: dict[int, list[str]] = {}
    for pk in questions:
        rows = Answer.objects.filter(question=pk).order_by("-id")
        found[pk] = list(rows.values_list("value", flat=True)[:SHOWN_WORDS])
    return found


def sheets(survey: Survey) -> int:
    return AnswerSheet.objects.filter(survey=survey).count()


def sheets_of(surveys: Iterable[Survey]) -> dict[int, int]:
    """How many sheets each of these surveys has, by its id; those without any are left out."""
    rows = AnswerSheet.objects.filter(survey__in=[one.pk for one in surveys]).order_by()
    return dict(rows.values_list("survey").annotate(n=Count("pk")))


def per_day(survey: Survey) -> list[tuple[Any, int]]:
    """How many sheets came in on each day (UTC), the first day first."""
    rows = AnswerSheet.objects.filter(survey=survey).order_by()
    return list(rows.values_list("answered_at__date").annotate(n=Count("pk")).order_by("answered_at__date"))
