"""Killed at every step: a process with the real records side, its Asterisk, and who checks it."""
