"""Models trained from what was bought and what callers did, and judged before they are used."""
