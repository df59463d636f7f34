"""The simulation of whole servers: the real kinds of flows, from the order to the last trace of a deletion.

Users order servers and act on them through `control`; conductors, hosts and messages fail as in the rest of
the simulation; the services outside are those in memory. In the end every server's row, flows, allocations,
ports, guests, images and quota must agree.
"""
