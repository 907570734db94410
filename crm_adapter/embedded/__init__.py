"""The CRM that comes with Switchboard: its tables, its adapter, its import."""
