"""`python -m switchboard` is the command line."""

from switchboard.cli import main

if __name__ == "__main__":
    main()
