"""Parley, prosody and Redis under the same load in one run: `make bench PEERS=1`."""
