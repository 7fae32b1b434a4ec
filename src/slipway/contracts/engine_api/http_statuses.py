"""The one table from error kinds to HTTP statuses, as the Engine API has them."""

from typing import Final

STATUS_BY_KIND: Final = {
    "invalid_argument": 400,
    "out_of_range": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "already_exists": 409,
    "failed_precondition": 409,
    "cancelled": 499,
    "internal": 500,
    "not_implemented": 501,
    "unavailable": 503,
}
