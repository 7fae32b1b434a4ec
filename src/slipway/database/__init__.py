"""SQLite in WAL mode: many readers, one writer thread, group commit."""
