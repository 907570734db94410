"""Asking the CRM while a phone rings: what is known already, else the CRM itself, never for longer
than a caller waits."""
