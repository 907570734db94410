"""Asterisk's side: FastAGI in, AMI both ways, and the calls that follow from them."""
