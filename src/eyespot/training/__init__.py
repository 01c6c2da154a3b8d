"""Training: Keras models on native torch."""

from eyespot.training.by_recipe import Trained as Trained
from eyespot.training.by_recipe import learn as learn
from eyespot.training.fitting import fit as fit
from eyespot.training.fitting import supports as supports
from eyespot.training.interruption import Interrupted as Interrupted
