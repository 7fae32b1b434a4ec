"""rtnetlink in Python: links, addresses and routes without `ip`, which costs 9 ms a call. Linux, rtnetlink(7)."""
