"""Written by tools/protos/generate from protos/containerd_api. Do not edit."""
