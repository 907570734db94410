"""The supervisor page: what it shows, live, and what may be done there."""
