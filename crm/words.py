"""Names that are written nearly so: words found by the threes of letters they share, ranked by their mistakes."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from crm.models import Word, WordKind, WordPart

SHORTEST = 3  # letters; of fewer, any other word is as near
LOOKED_AT = 150  # words that share the most threes of letters
COMMON = 4_000  # words with the same three letters; by those that more have, nobody is told apart
READ = 16_000  # parts of words that one question reads, at most
LONG = 24  # letters; of longer names every other spelling is not tried
LETTERS = "abcdefghijklmnopqrstuvwxyzåäö"
LONGEST = 60  # letters of what is typed that are compared
PERSONS = frozenset({WordKind.FIRST_NAME.value, WordKind.LAST_NAME.value})


@dataclass(frozen=True)
class Near:
    """A word as written, what it names, and how many mistakes lie between it and what was typed."""

    text: str
    kind: str
    mistakes: int


def nearest(typed: str) -> list[Near]:
    """Words that begin as typed but for a few mistakes (companies may also hold it), the nearest first."""
    wanted = folded(typed)[:LONGEST]
    if len(wanted) < SHORTEST:
        return []
    near = [*sharing(wanted), *spelt_nearly(" ".join(typed.split())[:LONGEST])]
    words = Word.objects.filter(pk__in=near).values_list("text", "kind")
    found = [Near(text, kind, mistakes(wanted, folded(text), anywhere=kind not in PERSONS)) for text, kind in words]
    return sorted(
        (one for one in found if one.mistakes <= forgiven(wanted)),
        key=lambda one: (one.mistakes, len(one.text), one.text),
    )


def sharing(wanted: str) -> list[int]:
    """Words that share the most of the rarer threes of letters: what half of all names hold is dear to read."""
    shared = WordPart.objects.filter(part__in=rarest(parts(wanted, is_whole=False))).values("word")
    best = shared.annotate(n=Count("part")).order_by("-n", "word")
    return list(best.values_list("word", flat=True)[:LOOKED_AT])


def rarest(asked: Iterable[str]) -> list[str]:
    """Those of the parts that fewest words hold, as many as are read at once; counting stops where one is common."""
    counts = [
        (n, part) for part in sorted(asked) if (n := WordPart.objects.filter(part=part)[: COMMON + 1].count()) <= COMMON
    ]
    chosen, read = [], 0
    for n, part in sorted(counts):
        read += n
        if read > READ:
            break
        chosen.append(part)
    return chosen


def spelt_nearly(typed: str) -> QuerySet[Word, int]:
    """Words one mistake from what is typed, by their whole spelling: so common names are met without their parts."""
    return Word.objects.filter(text__in=spellings(typed)).values_list("pk", flat=True)


def spellings(typed: str) -> list[str]:
    """What is typed and whatever lies one mistake from it, as names are written.

    >>> "Virtanen" in spellings("vritanen"), "Virtanen" in spellings("virtaen"), len(spellings("aho")) < 250
    (True, True, True)
    """
    text = typed.lower()
    cuts = [(text[:i], text[i:]) for i in range(len(text) + 1)] if len(text) <= LONG else []
    found = {text, *(a + b[1:] for a, b in cuts), *(a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1)}
    found |= {a + letter + rest for a, b in cuts for letter in LETTERS for rest in (b, b[1:])}
    return sorted({one.title() for one in found})


def forgiven(typed: str) -> int:
    """How many mistakes are forgiven in so many letters."""
    return 1 if len(typed) < 6 else 2


def folded(text: str) -> str:
    """Lower case without accents, as people in a hurry type.

    >>> folded("Hämäläinen")
    'hamalainen'
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(one for one in letters if not unicodedata.combining(one)).split())


def parts(text: str, *, is_whole: bool = True) -> set[str]:
    """The threes of letters of a folded text; its beginning counts, and its end when it `is_whole`.

    >>> sorted(parts("eva"))
    ['  e', ' ev', 'eva', 'va ']
    """
    padded = f"  {text} " if is_whole else f"  {text}"
    return {padded[i : i + 3] for i in range(len(padded) - 2)}


def mistakes(typed: str, word: str, *, anywhere: bool = False) -> int:
    """Letters left out, put in, changed, or two beside each other swapped, until `word` begins as typed.

    With `anywhere` it is enough that the word holds it. Optimal string alignment (Damerau 1964; Levenshtein 1966).

    >>> mistakes("virtanne", "virtanen"), mistakes("vritan", "virtanen")
    (1, 1)
    >>> mistakes("kirja", "suomen kirjat oy", anywhere=True)
    0
    """
    before: list[int] = []
    last = [0] * (len(word) + 1) if anywhere else list(range(len(word) + 1))
    for i, letter in enumerate(typed, 1):
        row = [i]
        for j, other in enumerate(word, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == word[j - 2] and typed[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last)


def learn(kind: str, texts: Iterable[str]) -> int:
    """Take words up that are not known yet; return how many."""
    wanted = sorted({text.strip()[:200] for text in texts if text.strip()})
    known = set(Word.objects.filter(kind=kind, text__in=wanted).values_list("text", flat=True))
    Word.objects.bulk_create(
        (Word(kind=kind, text=text) for text in wanted if text not in known), ignore_conflicts=True
    )
    new = Word.objects.filter(kind=kind, text__in=[text for text in wanted if text not in known])
    rows = [WordPart(word=word, part=part) for word in new for part in sorted(parts(folded(word.text)))]
    WordPart.objects.bulk_create(rows, batch_size=5000, ignore_conflicts=True)
    return len(wanted) - len(known)
