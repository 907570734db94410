"""A process that watches the server, rescues its callers when it freezes, and starts it again."""
