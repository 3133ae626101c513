"""Texts: faults are found with their line, values stay values, tables and links survive, gaps fall back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.content import composition, letters, merge
from campaigns.content.composition import Source, compose
from campaigns.content.matrix import Cell, Matrix

KNOWN = ("customer.first_name", "customer.city", "unsubscribe_url")


def source(html="", **parts):
    return Source(**{"subject": "Hi", "preheader": "", "text": "", **parts, "html": html})


@pytest.mark.parametrize(
    ("html", "line", "words"),
    [
        ("<p>\n\n{{ customer.shoe }}</p>", 3, "the nearest are: customer.city, customer.first_name"),
        ("a\n{% if customer.city %}", 2, "if"),
        ("a\n{{ customer.city | shout }}", 2, "shout"),
        ("<p>\n<script>alert(1)</script>", 2, "scripts"),
        ("<p onclick='x()'>", 1, "scripts"),
        ('<p>\n<a href="https://{{ customer.city }}.example/">x</a>', 2, "host"),
        ("<p>\n<a href='https://{{ customer.city }}.example/'>x</a>", 2, "host"),
        ("<p>\n<a href = https://{{ customer.city }}.example/>x</a>", 2, "host"),
        ('<p>\n<a href="http://[">x</a>', 2, "address"),
    ],
)
def test_a_fault_names_its_line(html, line, words):
    found = composition.faults(source(html), KNOWN)
    assert [(fault.part, fault.line) for fault in found] == [("html", line)]
    assert words in str(found[0])


def test_what_is_missing_is_said_in_a_sentence_without_a_line():
    found = composition.faults(Source(subject=" ", preheader="", html="", text=""), KNOWN)
    assert [(one.part, str(one)) for one in found] == [
        ("subject", "The subject is missing."),
        ("html", "The text is missing."),
    ]


def test_a_text_without_faults_has_none():
    html = '<a href="https://shop.example/?city={{ customer.city }}">{% if customer.city %}x{% endif %}</a>'
    assert composition.faults(source(html), KNOWN) == []


def test_a_loop_over_table_rows_survives_the_inlining():
    html = (
        "<style>td { color: red }</style><table><tbody>{% for n in (1..2) %}<tr><td>{{ n }}</td></tr>{% endfor %}"
        "</tbody></table>"
    )
    filled = merge.filled(compose(source(html)).html, {}, escape=True)
    assert filled.count('<td style="color: red;">') == 2


def test_the_same_address_twice_is_one_link_and_mailto_is_none():
    html = "<a href='https://a.example/?x=1&amp;y=2'>1</a><a href='https://a.example/?x=1&y=2'>2</a>"
    html += "<a href='mailto:a@b'>3</a>"
    made = compose(source(html))
    assert made.urls == ("https://a.example/?x=1&y=2",)
    assert made.html.count("{{ links[0] }}") == 2
    assert "{{ links[0] }}" in made.text and "{{ unsubscribe_url }}" in made.text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r")))  # no database holds a lone surrogate
def test_a_value_is_never_read_as_a_text(value):
    escaped = merge.filled("{{ customer.first_name }}", {"customer": {"first_name": value}}, escape=True)
    assert "<" not in escaped
    assert merge.filled("{{ customer.first_name }}", {"customer": {"first_name": value}}, escape=False) == value


@given(st.text())
def test_a_subject_is_one_line(value):
    assert len(letters.one_line(value).splitlines()) <= 1


def test_a_text_cannot_run_for_ever_or_look_around():
    with pytest.raises(merge.RenderFailed):
        merge.filled("{% for a in (1..9999) %}{% for b in (1..9999) %}x{% endfor %}{% endfor %}", {}, escape=True)
    for attempt in (
        "{{ customer.__class__ }}",
        "{{ customer.first_name.__class__.__mro__ }}",
        "{{ settings.SECRET_KEY }}",
    ):
        assert merge.filled(attempt, {"customer": {"first_name": "x"}}, escape=True) == ""


def test_the_matrix_falls_back_from_segment_and_language_to_the_version():
    def cell(segment, language):
        return Cell(segment, language, source(subject=f"{segment} {language}"))

    matrix = Matrix(1, "A", (cell(7, "fi"), cell(7, ""), cell(None, "sv"), cell(None, "")))
    told = {
        case: matrix.text_for(case[0], case[1]).subject
        for case in (((7,), "fi"), ((7,), "sv"), ((8,), "sv"), ((), "sv"), ((8,), "en"), ((), ""))
    }
    assert list(told.values()) == ["7 fi", "7 ", "None sv", "None sv", "None ", "None "]


@pytest.mark.parametrize(
    "text",
    [
        '{{ (1..100000000) | join: "" }}',
        "{% assign numbers = (1..100000000) | reverse %}",
        '{% if (1..100000000) contains "x" %}y{% endif %}',
        "{% assign x = 9 %}{% for i in (1..16) %}{% assign x = x | times: x %}{% endfor %}{{ x }}",
        '{{ "99999999999999999999" | date: "%Y" }}',
        '{{ "nan" | round }}',
        '{{ "1e400" | ceil }}',
        '{{ "/w==" | base64_decode }}',
        '{{ "aaaaaaaaaa"' + ' | replace: "", "aaaaaaaaaa"' * 9 + " | size }}",
        '{{ "aaaaaaaaaa"' + ' | split: "" | join: "aaaaaaaaaa"' * 9 + " | size }}",
        "{{ x | safe }}",
    ],
)
def test_a_filter_given_the_impossible_refuses_the_letter_and_breaks_nothing(text):
    with pytest.raises(merge.RenderFailed):
        merge.filled(text, {"x": 1}, escape=True)


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<div>" * 20_000, "200 elements"),
        ("<a " * 20_000, "200 elements"),
        ("{{" * 20_000, "5000 characters"),
        ("{%" * 20_000, "5000 characters"),
        ("x" * 500_001, "500000 characters"),
    ],
)
def test_a_text_that_would_bring_a_worker_down_is_refused(html, words):
    assert any(words in fault.message for fault in composition.faults(Source("Hi", "", html, ""), ["a"]))


def test_a_text_that_no_reader_could_open_is_not_even_previewed():
    with pytest.raises(merge.RenderFailed):
        compose(Source("Hi", "", "<div>" * 20_000, ""))


def test_brackets_and_marks_without_end_are_read_in_one_pass():
    composed = compose(Source("Hi", "", f"<p>{'[' * 50_000}</p><p>\ue0007\ue001</p>", ""))
    assert composed.text.count("[") == 50_000


@pytest.mark.parametrize(
    "html",
    [
        '<a href="{{ customer.city }}">x</a>',
        '<a href="{{ customer.city }}/offer">x</a>',
        '<a href="//{{ customer.city }}/">x</a>',
        '<a href="https:{{ customer.city }}">x</a>',
        '<a href="https:///{{ customer.city }}">x</a>',
        '<a href="https:\\\\{{ customer.city }}">x</a>',
        '<a href="java&#115;cript:alert(1)">x</a>',
        "<a href='data:text/html,x'>x</a>",
        "<img src=x onerror=alert(1)>",
        '<meta http-equiv="refresh" content="0;url=https://x.example">',
    ],
)
def test_what_leads_elsewhere_or_runs_is_refused_however_it_is_written(html):
    assert composition.faults(Source("Hi", "", html, ""), ["customer.city"])
    assert composition.faults(Source("Hi", html, "x", ""), ["customer.city"]) or "<a" in html


def test_ordinary_addresses_and_our_own_are_no_faults():
    html = (
        '<meta charset="utf-8"><a href="{{ unsubscribe_url }}">x</a><a href="mailto:{{ customer.email }}">x</a>'
        '<a href="https://shop.example/{{ customer.city }}?a=b:c">x</a><a href="#top">x</a><a href="/a:b">on = "x"</a>'
    )
    known = ["customer.city", "customer.email", "unsubscribe_url"]
    assert composition.faults(Source("Hi", "", html, ""), known) == []


@pytest.mark.parametrize(
    ("html", "url"),
    [
        ('{% for product in products %}<a href="https://x.fi/{{ product.sku }}">x</a>{% endfor %}', ""),
        ('{% assign c = customer.number %}<a href="https://x.fi/?n={{ c }}">x</a>', ""),
        ('<a href="https://x.fi/{{ customer.number | default: "x" }}">x</a>',
         'https://x.fi/{{ customer.number | default: "x" }}'),
        ('<a href="https://x.fi/{{ products[0].sku }}">x</a>', ""),
        ('<a href="https://x.fi/{{ feature.n }}">x</a>', ""),
    ],
)  # fmt: skip
def test_a_link_leads_where_the_text_says_though_its_address_is_kept_apart(html, url):
    made = composition.compose(composition.Source("s", "", html, ""))
    assert made.urls == ((url,) if url else ())
    known = {"customer": {"number": "7"}, "products": [{"sku": "7"}], "feature": {"n": 7}}
    links = [merge.filled(one, known, escape=False) for one in made.urls]
    assert 'href="https://x.fi/' in merge.filled(made.html, {**known, "links": links}, escape=True)
    assert '7">x</a>' in merge.filled(made.html, {**known, "links": links}, escape=True)


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("{% for one in products %}https://x.fi/{{ one.sku }} {% endfor %}", ()),
        ("https://x.fi/{{ feature.n }} ", ()),
        ("https://x.fi/{{ customer.number }} ", ("https://x.fi/{{ customer.number }}",)),
    ],
)
def test_an_address_in_a_text_message_leads_where_the_text_says(text, urls):
    numbered, found = composition._with_numbered_addresses(text)
    assert found == urls
    known = {"customer": {"number": "7"}, "products": [{"sku": "7"}], "feature": {"n": 7}}
    links = [merge.filled(one, known, escape=False) for one in found]
    assert merge.filled(numbered, {**known, "links": links}, escape=False) == "https://x.fi/7 "


@pytest.mark.parametrize(
    "text",
    [
        "{% for n in (1..2000) %}{% endfor %}" * 3_000,
        "{% assign word = 'a' | append: 'b' %}" * 20_000,
    ],
)
def test_a_text_that_would_keep_a_worker_busy_is_given_up(text):
    """Each of its tags is within the limits; together they would take seconds for every recipient."""
    with pytest.raises(merge.RenderFailed, match="takes too long"):
        merge.filled(text, {}, escape=True)
    assert merge.filled("{{ name | upcase }}", {"name": "x"}, escape=True) == "X"
