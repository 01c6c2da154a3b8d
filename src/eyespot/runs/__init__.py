"""Data and a recipe -> a run folder: what `eyespot.train` is."""

from eyespot.runs.seeds import Spread as Spread
from eyespot.runs.seeds import pattern as pattern
from eyespot.runs.seeds import spread as spread
from eyespot.runs.seeds import train_seeds as train_seeds
from eyespot.runs.training import Run as Run
from eyespot.runs.training import train as train
