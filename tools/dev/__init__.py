"""What `./dev` does, one file per command. Runs on .venv's Python; may import slipway, which never imports it."""
