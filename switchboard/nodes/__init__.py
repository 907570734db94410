"""Several processes as one centre: who does what, and how they tell each other."""
