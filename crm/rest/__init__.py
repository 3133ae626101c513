"""The frame of the REST API that every floor builds on: rights, strict input, one error shape, pages, safe repeats."""
