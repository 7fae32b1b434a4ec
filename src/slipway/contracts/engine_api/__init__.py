"""The Engine API as data: requests and documents, error statuses, versions. Pure."""
