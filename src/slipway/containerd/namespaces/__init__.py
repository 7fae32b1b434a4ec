"""Namespaces: separate worlds of containers, images and labels above shared bytes."""
