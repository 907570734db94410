"""One database engine, one MetaData, one way to write."""
