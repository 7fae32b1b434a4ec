"""Content: blobs by digest, and the ingests that become blobs."""
