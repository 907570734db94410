"""The way to an agent's browser: frames, sockets, addresses and the page itself."""
