"""Templates by which a 3CX PBX speaks to a CRM, made into mappings for the REST adapter."""
