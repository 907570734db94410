"""Numbers and names that whoever takes the database, but not the key, cannot read."""
