"""Figures: what this costs, beside others in the same run."""
