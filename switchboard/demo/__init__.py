"""A whole centre on one machine: private Asterisk, callers, agents."""
