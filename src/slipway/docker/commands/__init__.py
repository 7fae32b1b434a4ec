"""Commands: one file per verb, and the table that finds them. Each takes a Session and its Options."""
