"""Which offer to make: what was learned of each, and experiments that stop themselves."""
