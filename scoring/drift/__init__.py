"""Whether the world is still as it was when the models were trained."""
