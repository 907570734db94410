"""The CRM's side: who is calling, what they bought, leads and call records."""
