"""What every program knows: error kinds, ids, digests, image references, clock, files. Imports nothing of ours."""
