"""What a user sees, through the real chain of five programs, beside the original."""
