"""Any CRM with a REST or JSON-RPC API, by a mapping in YAML."""
