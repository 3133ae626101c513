"""The OpenAPI file says what the API does."""

from pathlib import Path

import yaml
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent


def test_the_openapi_file_is_current_and_valid(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(fresh))
    assert (ROOT / "docs" / "openapi.yaml").read_text() == fresh.read_text(), (
        "renew it: python manage.py spectacular --file docs/openapi.yaml"
    )


def test_every_operation_says_its_right_and_its_errors() -> None:
    paths = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            assert "Right: `" in operation["description"], place
            assert {"400", "401", "403", "default"} <= set(operation["responses"]), place
            assert operation["operationId"] and operation["tags"], place
