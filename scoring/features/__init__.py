"""What is known of a contact when the phone rings, as one versioned row of numbers."""
