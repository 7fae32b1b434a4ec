"""The commands of docker context, one file per verb."""
