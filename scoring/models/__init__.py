"""What learns from purchases and calls. Pure: numbers in, numbers out; no database, no clock."""
