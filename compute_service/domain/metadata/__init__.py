"""What a guest is told about itself: facts of a server, and the documents made of them. Pure.

The metadata service answers with these documents over HTTP, and a config drive carries the same as files.
"""
