"""Outside data in, figures out: `switchboard evaluate`. Needs the extra `[train]`."""
