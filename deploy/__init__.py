"""What an existing PBX and a host need to run Switchboard."""
