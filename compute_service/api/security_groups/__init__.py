"""Security groups of servers, and (until 2.35) those of the network service as compute showed them."""
