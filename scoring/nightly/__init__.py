"""What is computed every night: when it is due, who does it, and how far it came."""
