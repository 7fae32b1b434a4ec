"""The commands of docker network, one file per verb."""
