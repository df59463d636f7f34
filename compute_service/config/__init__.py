"""The options of nova.conf, one file a group."""
