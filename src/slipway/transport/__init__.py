"""Sockets under the wire protocols: aio for the daemons, plain for the client, the shim and runc."""
