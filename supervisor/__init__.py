"""The supervisor's tools across the features."""
