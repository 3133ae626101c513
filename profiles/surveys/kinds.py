"""The kinds of questions: how an answer is read, what numbers it may be, and how answers are summed up. One table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from profiles.models import Question, QuestionKind

LONGEST = 2000  # characters of an answer in own words
FINNISH = "fi"


class AnswerRefused(ValueError):
    """The answer does not fit its question."""


@dataclass(frozen=True)
class Kind:
    """`read` turns what was sent into values; `numbers` are the ones that may be chosen, least first."""

    read: Callable[[Question, Sequence[str]], list[str]]
    numbers: range | None = None
    fits: tuple[str, ...] = ("text",)


def number(question: Question, sent: Sequence[str]) -> list[str]:
    allowed = KINDS[question.kind].numbers or range(0)
    if sent and not (sent[0].isascii() and sent[0].isdigit() and len(sent[0]) < 4 and int(sent[0]) in allowed):
        raise AnswerRefused
    return [str(int(sent[0]))] if sent else []


def chosen(question: Question, sent: Sequence[str]) -> list[str]:
    """Choices are sent by their place, so that languages may differ; they are kept as they were first written."""
    places = [int(one) for one in sent if one.isascii() and one.isdigit() and len(one) < 4]
    if len(places) != len(sent) or any(place >= len(question.choices) for place in places):
        raise AnswerRefused
    return [question.choices[place] for place in sorted(set(places))]


def one_chosen(question: Question, sent: Sequence[str]) -> list[str]:
    return chosen(question, sent[:1])


def words(question: Question, sent: Sequence[str]) -> list[str]:
    told = sent[0].replace("\0", "").strip()[:LONGEST] if sent else ""
    return [told] if told else []


KINDS: dict[str, Kind] = {
    QuestionKind.NPS: Kind(number, range(11), fits=("number",)),
    QuestionKind.RATING: Kind(number, range(1, 6), fits=("number",)),
    QuestionKind.CHOICE: Kind(one_chosen, fits=("choice", "text")),
    QuestionKind.CHOICES: Kind(chosen, fits=("list",)),
    QuestionKind.TEXT: Kind(words, fits=("text",)),
}


def read(question: Question, sent: Sequence[str]) -> list[str]:
    """The values of one answer, none when it was left out. Raises AnswerRefused."""
    return KINDS[question.kind].read(question, [one for one in sent if one.strip()])


def shown_choices(question: Question, language: str) -> list[str]:
    """The choices as a customer of this language reads them."""
    own = question.choices_fi if language.startswith(FINNISH) else []
    return own if len(own) == len(question.choices) else question.choices
