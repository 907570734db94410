"""What mappings in YAML share, whether they lead to a database or to an API."""
