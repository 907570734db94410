"""Asterisk configuration to include, as templates."""
