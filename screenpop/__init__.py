"""The agent's screen: pops, sessions, state."""
