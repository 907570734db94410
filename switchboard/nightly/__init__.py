"""The nightly work of scoring: its steps, and the service's part in it."""
