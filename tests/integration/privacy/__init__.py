"""`switchboard privacy`: what is kept of people, and how it goes."""
