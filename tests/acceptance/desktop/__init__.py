"""The built desktop in a real browser."""
