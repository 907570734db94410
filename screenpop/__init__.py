"""What an agent sees while the phone rings: pops, their delivery, and the agents themselves."""
