"""What agents may have the PBX dial at the house's cost: one guard that every way asks."""
