"""Every code the experiments can give has words in both languages."""

import re
from pathlib import Path

import pytest

import campaigns.experiments
from campaigns.experiments.answers import CannotTell
from campaigns.experiments.decision import Decision
from campaigns.experiments.words import SENTENCES, difference, number, sentence

SOURCES = [path for path in Path(campaigns.experiments.__path__[0]).glob("*.py") if path.name != "words.py"]


def codes_in_the_source():
    text = "\n".join(path.read_text() for path in SOURCES)
    reasons = re.findall(r'CannotTell\(\s*"(\w+)"', text)
    decisions = re.findall(r'Decision\(\s*"\w+", "(\w+)"', text)
    chosen = re.findall(r'code = "(\w+)" if \w+ else "(\w+)"', text)
    return {*reasons, *decisions, *(code for pair in chosen for code in pair), "no_revenue"}


def test_every_code_has_a_sentence_and_every_sentence_a_code():
    assert codes_in_the_source() == set(SENTENCES)


@pytest.mark.parametrize("code", SENTENCES)
def test_both_languages_use_figures_the_code_has(code):
    english, finnish = (set(re.findall(r"{(\w+)}", text)) for text in SENTENCES[code])
    assert finnish <= english
    assert "!" not in "".join(SENTENCES[code])


WINNER = Decision(
    "variant", "beats_all", "b", {"leader": "b", "rival": "a", "difference": 0.0123, "low": 0.004, "high": 0.02}
)


def test_a_decision_reads_like_a_sentence_in_english():
    said = sentence(WINNER, names={"a": "Short", "b": "Long"})
    assert said == "Send Long: it beats Short by 1.23\xa0pp (0.40\xa0pp to 2.00\xa0pp)."


def test_a_decision_reads_like_a_sentence_in_finnish():
    said = sentence(WINNER, language="fi", names={"a": "Lyhyt", "b": "Pitkä"})
    assert said.startswith("Lähetä Pitkä: se voittaa vaihtoehdon Lyhyt erolla 1,23\xa0%-yks.")


def test_gettext_can_take_over_the_translation():
    assert sentence(CannotTell("nobody"), translate=str.upper) == "NOBODY IS IN THIS GROUP YET."


def test_money_numbers_and_small_p_values_are_written_as_people_write_them():
    assert difference(-1234.5, "€", "fi") == "−1\xa0234,50\xa0€"
    assert number(1204.5, 1, "en") == "1,204.5"
    assert "< 0.0001" in sentence(CannotTell("sample_ratio_mismatch", {"p_value": 1e-9}))


def test_an_unknown_code_is_a_mistake_of_the_programmer():
    with pytest.raises(KeyError):
        sentence(CannotTell("gibberish"))


def test_a_finnish_sentence_that_ends_in_percentage_points_has_one_full_stop():
    gains = Decision(kind="hold_out_is_as_good", code="no_worthwhile_gain", figures={"leader": "a", "high": 0.01})
    assert sentence(gains, language="fi").endswith("enintään 1,00\xa0%-yks.")
