"""A real Tryton 8.2, from the Python package index, on SQLite."""
