"""A specification turned into small operations, as data. Pure: nothing here touches the machine."""
