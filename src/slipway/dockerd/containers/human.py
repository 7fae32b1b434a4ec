"""Durations for people, in Docker's words. Pure."""


def elapsed_words(nanoseconds: int) -> str:
    """`Less than a second`, `5 minutes`, `About an hour`, `3 weeks`. Source: docker/go-units."""
    seconds = max(0, nanoseconds) // 1_000_000_000
    minutes, hours = seconds // 60, (seconds // 60 + 30) // 60
    if seconds < 1:
        return "Less than a second"
    if seconds == 1:
        return "1 second"
    if seconds < 60:
        return f"{seconds} seconds"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{hours // 24 // 365} years"
