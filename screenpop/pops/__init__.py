"""What an agent sees of a call, from ring to wrap-up: its words, its states, its rows."""
