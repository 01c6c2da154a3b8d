"""The description of a network: layers, shapes, receptive fields (numpy and JSON only)."""

from eyespot.network.description import Layer as Layer
from eyespot.network.description import Network as Network
from eyespot.network.description import Weights as Weights
from eyespot.network.kinds import ACTIVATIONS as ACTIVATIONS
from eyespot.network.kinds import KINDS as KINDS
from eyespot.network.kinds import Kind as Kind
from eyespot.network.kinds import Shape as Shape
from eyespot.network.kinds import Window as Window
from eyespot.network.kinds import convolution_window as convolution_window
from eyespot.network.kinds import feature_axis as feature_axis
from eyespot.network.kinds import pooling_window as pooling_window
from eyespot.network.layouts import native_axis as native_axis
from eyespot.network.layouts import native_constant as native_constant
from eyespot.network.layouts import to_keras as to_keras
from eyespot.network.layouts import to_native as to_native
from eyespot.network.receptive_field import ReceptiveField as ReceptiveField
from eyespot.network.receptive_field import receptive_fields as receptive_fields
