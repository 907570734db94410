"""One file for each CRM that is reached over HTTP."""
