"""An OCI bundle in, a confined process out. Plans are pure; `process/` carries them out."""
