"""The benchmark: a load generator on one core, the server on the other, durable writes on.

`python -m bench` prints the table; each scenario's function documents it.
"""
