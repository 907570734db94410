"""Models that answer while the phone rings, and why they answer so."""
