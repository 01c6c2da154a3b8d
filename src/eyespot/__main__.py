"""`python -m eyespot` is the command `eyespot`."""

from eyespot.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
