"""`python -m switchboard` and `switchboard` are the command line."""

from switchboard.loading import nothing_collected


def main() -> None:
    with nothing_collected():
        from switchboard.cli import app
    app()


if __name__ == "__main__":
    main()
