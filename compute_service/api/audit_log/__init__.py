"""Which hosts' servers were told of after an audit period."""
