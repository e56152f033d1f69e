"""`python -m im2latex_cli`."""

from im2latex_cli.cli.app import main

if __name__ == "__main__":
    main()
