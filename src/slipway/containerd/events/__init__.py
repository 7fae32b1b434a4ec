"""Events: what happened, told to everybody who asked."""
