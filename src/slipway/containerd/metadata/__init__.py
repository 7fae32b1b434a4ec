"""What every noun's rows have in common: the schema, the scope of a call, labels, filters."""
