"""Imports: asked for here, carried out by a worker."""

from crm.imports.door import change_mapping, check_import, run_import, start_import, undo_import, upload_file

__all__ = ["change_mapping", "check_import", "run_import", "start_import", "undo_import", "upload_file"]
