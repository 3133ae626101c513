"""The rule language: reading, compiling, wording and explaining rules. Knows no framework and opens no engine."""
