"""Real CRMs that tests start for themselves."""
