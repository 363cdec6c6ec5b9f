"""Mutation tests of the Python code: check that the tests notice small faults.

    python -m tools.mutants                  # a seeded sample: survivors and the share caught
    python -m tools.mutants --seed 7 --size 200 --only domain/consuming.py

One fault at a time is inserted into a copy of the checkout, and the tests that `nearest.py` lists
for the module run against it. A fault is caught if they fail or exceed the time limit.

Why not a package: mutmut 3.8 (BSD-3) mutates the bodies of functions in one process, so it sees
neither tables and class attributes nor the servers that tests start, and it counts the wording of
messages; it has no sample and picks tests by coverage, which makes one survivor run most of the
suite. cosmic-ray 8.7 (MIT) runs any command against any file, and has no sample and no operator
that drops a statement or a condition, which is what faults made by hand mostly are.
"""
