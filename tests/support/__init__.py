"""What the tests stand on: namespaces, engines (ours and the originals), clients, images, masks, inventories."""
