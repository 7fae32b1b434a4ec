"""Files from anywhere on the web, for `docker import URL`."""
