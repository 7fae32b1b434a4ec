"""What people see: tables, templates, help, progress. Pure."""
