"""Training: Keras models on native torch."""

from eyespot.training.augment import Augmentation as Augmentation
from eyespot.training.budget import Plan as Plan
from eyespot.training.budget import plan as plan
from eyespot.training.by_recipe import Trained as Trained
from eyespot.training.by_recipe import learn as learn
from eyespot.training.callbacks import late_line as late_line
from eyespot.training.fine_tuning import check_is_trainable as check_is_trainable
from eyespot.training.fine_tuning import plan_fine_tuning as plan_fine_tuning
from eyespot.training.fitting import fit as fit
from eyespot.training.fitting import supports as supports
from eyespot.training.interruption import Interrupted as Interrupted
from eyespot.training.interruption import Interruption as Interruption
from eyespot.training.settling import with_flip_settled as with_flip_settled
from eyespot.training.settling import without_budget as without_budget
from eyespot.training.writing import write_model as write_model
