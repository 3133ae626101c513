"""The quick reading of an order's line never differs from that of the serializer's fields."""

from hypothesis import example, given
from hypothesis import strategies as st

from crm.api.orders import LineSerializer, plain_line
from crm.rest.serializers import StrictSerializer

ODD = ["", " ", "85123A", " a ", "\t", "Ä", "\0", "x" * 64, "x" * 65, "x" * 201]
TEXTS = st.text(max_size=9) | st.sampled_from(ODD)
NUMBERS = st.from_regex(r"[-+]?[0-9]{0,13}(\.[0-9]{0,5})?(e[0-9])?", fullmatch=True) | st.sampled_from(
    ["NaN", "-0", "٣", "1_0", " 1", "1\n", 6, 2.5, None, True]
)
LINES = st.fixed_dictionaries(
    {"quantity": NUMBERS, "unit_amount": NUMBERS},
    optional={"sku": TEXTS, "description": TEXTS | st.none(), "amount": NUMBERS, "at": st.none(), "position": TEXTS},
)


@given(LINES)
@example({"quantity": "-12", "unit_amount": "2.5500", "sku": " 85123A", "description": "WHITE T-LIGHT "})
@example({"quantity": "99999999999.999", "unit_amount": "999999999999.9999"})
def test_what_is_read_quickly_is_read_as_the_fields_read_it(line):
    quick = plain_line(line)
    assert quick is None or quick == dict(StrictSerializer.run_validation(LineSerializer(), line))


def test_the_lines_of_a_shop_are_read_quickly():
    line = {"sku": "85123A", "description": "WHITE HANGING HEART", "quantity": "6", "unit_amount": "2.55"}
    assert plain_line(line)
    assert plain_line({**line, "quantity": "6", "amount": "15.30"}) is None
