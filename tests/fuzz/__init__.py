"""What reads bytes from outside, given bytes that nobody would send.

A target is a function of bytes that holds one parser to what it promises.
`tests/fuzz/test_targets.py` runs each for a moment, `python -m tests.fuzz.run TARGET --inputs
1000000` for as long as you like, and
`python -m tests.fuzz.guided TARGET` where Atheris is installed, guided by what the input reaches.
"""
