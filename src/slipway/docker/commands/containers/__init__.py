"""The commands of docker container, one file per verb."""
