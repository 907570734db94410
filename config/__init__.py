"""The shape of what people write: settings and the rulebook, with file, line and sentence."""
