"""Other ways for pops to go than the desktop's websocket: streams, webhooks, addresses to open."""
