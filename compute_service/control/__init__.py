"""Use cases: the verbs behind the API."""
