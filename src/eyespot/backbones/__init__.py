"""Networks known to Eyespot, cut before their last Dense: pictures in, features out."""

from eyespot.backbones.cutting import cut as cut
from eyespot.backbones.cutting import joined as joined
from eyespot.backbones.features import features_of as features_of
from eyespot.backbones.finding import AUTO as AUTO
from eyespot.backbones.finding import NONE as NONE
from eyespot.backbones.finding import Backbone as Backbone
from eyespot.backbones.finding import find as find
from eyespot.backbones.keeping import keep as keep
