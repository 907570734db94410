"""A real Odoo 19 for the tests."""
