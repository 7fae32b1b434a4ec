"""Networks of containers: addresses, links, published ports, and the files that name them."""
