"""Any customer database, by a mapping in YAML."""
