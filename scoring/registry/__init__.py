"""Trained models on disk: immutable versions with a card each, and a pointer to the current."""
