"""The values of a group as one text: what Django has for PostgreSQL alone."""

from typing import Any

from django.db.models import Aggregate, TextField, Value
from django.db.models.functions import Cast


class Joined(Aggregate):
    """The values of a group in one text with the separator between, in no order."""

    function = "STRING_AGG"
    output_field = TextField()

    def __init__(self, expression: Any, separator: str = ",", **more: Any) -> None:
        super().__init__(Cast(expression, TextField()), Value(separator), **more)

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **more)
