"""Asking the API what nobody should ask: a seeded stream of right and of broken requests, and a judge.

`python -m proving.fuzz --requests 100000 --seed 1`. Request `index` of seed `seed` is always made the same
way; what it names is taken from a stock of servers, flavors and other things that is kept filled.
"""
