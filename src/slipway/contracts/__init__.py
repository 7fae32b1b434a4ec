"""What two programs say to each other: typed data, the Protocols both ends share, and the error tables of each edge."""
