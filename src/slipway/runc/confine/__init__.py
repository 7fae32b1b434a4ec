"""What takes power away from a process: cgroups, seccomp, capabilities, identity, limits, labels."""
