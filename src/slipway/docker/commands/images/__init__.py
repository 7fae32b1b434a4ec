"""The commands of docker image, one file per verb."""
