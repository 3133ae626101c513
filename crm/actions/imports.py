"""Imports: asked for here, carried out by a worker."""

from crm.imports.door import (
    carry_on_import,
    change_mapping,
    check_import,
    run_import,
    start_import,
    undo_import,
    upload_file,
)

__all__ = [
    "carry_on_import",
    "change_mapping",
    "check_import",
    "run_import",
    "start_import",
    "undo_import",
    "upload_file",
]
