"""A fuzzer of everything that strangers can send: frames, HTTP calls and imported logs.

`python -m tests.fuzz --seconds 120 --seed 7` runs it by hand and prints the report;
`tests/long/test_fuzz.py` asserts on the same report.

world.py     the data folder: people, rooms, two of them with 30,000 events
draw.py      seeded choices: frames, calls, logs
client.py    sockets and HTTP calls that note every answer that a server must not give
attack.py    the process that fuzzes
talkers.py   the process of two people who talk in their own room and measure it
running.py   starts a server and both processes, and gathers the report
"""
