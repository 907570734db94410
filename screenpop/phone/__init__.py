"""Agents' phones in the browser: their SIP, carried between the page and Asterisk."""
