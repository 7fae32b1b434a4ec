"""The commands of docker volume, one file per verb."""
