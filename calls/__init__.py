"""The vocabulary everybody shares: types, events, the bus and the ports. Standard library only."""
