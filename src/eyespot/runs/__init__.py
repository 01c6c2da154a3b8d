"""Data and a recipe -> a run folder: what `eyespot.train` is."""

from eyespot.runs.training import Run as Run
from eyespot.runs.training import train as train
