"""Asking a CRM over HTTP: one client for all of them, with its log-ins and its answers."""
