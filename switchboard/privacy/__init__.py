"""What is kept of people: how long, what of one person, and that person's going."""
