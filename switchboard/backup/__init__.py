"""Everything an installation needs to come back, in one file, and back out of it."""
