"""From YAML to the parts of a rulebook: one module per section, its shape beside its meaning."""
