"""Rounds: real runs that are disturbed at a random moment, healed by one clean run, and looked at.

Everything a round does follows from its seed. `scripts/rounds --seed N --count N` plays hundreds of
them, `tests/acceptance/test_rounds.py` fifteen.

| module | what |
|---|---|
| `plan` | what a round does: which runs, how they are disturbed, and when |
| `changes` | what changes on the servers before a round |
| `line` | the line to the S3 server, which can hang, be cut, or be slow |
| `places` | the store, a folder or a bucket: what it holds, and its moments |
| `locks` | where runs have their leases |
| `looks` | what readers see at every moment of a round |
| `runs` | the processes |
| `disturb` | the runs of one round, disturbed at their moment |
| `verdict` | what is wrong after a round |
| `play` | plays rounds in one world, over one store |
"""
