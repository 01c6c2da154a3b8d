"""The command line: it parses and prints, and has no logic of its own; one file a verb."""

from eyespot.cli.command import main as main
