"""The benchmark: a load generator on one core, the server on the other, durable writes on.

`python -m bench` prints the table; docs of each scenario stand at its function.
"""
