"""OpenStack Compute, written afresh: API, scheduler, conductor and compute agent."""
