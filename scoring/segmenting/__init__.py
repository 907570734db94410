"""Classes of contacts: by what they bought, how often, when last, and by supervisors' own words."""
