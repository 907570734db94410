"""What the purchases say about a contact."""
