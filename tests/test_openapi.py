"""The OpenAPI file says what the API does."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def test_the_openapi_file_is_current_and_valid(tmp_path: Path) -> None:
    """Written in a process on SQLite: limits of whole numbers come from the database."""
    fresh = tmp_path / "openapi.yaml"
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", str(fresh)]
    subprocess.run(command, cwd=ROOT, env=environment | {"KOHDE_DATA_DIR": str(tmp_path)}, check=True)
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
