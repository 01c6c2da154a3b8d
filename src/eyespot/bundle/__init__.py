"""network <-> the self-describing model.onnx: written, read, verified."""

from eyespot.bundle.description import Description as Description
from eyespot.bundle.description import Golden as Golden
from eyespot.bundle.file import TOLERANCE as TOLERANCE
from eyespot.bundle.file import read as read
from eyespot.bundle.file import read_network as read_network
from eyespot.bundle.file import verify as verify
from eyespot.bundle.file import write as write
from eyespot.bundle.file import write_graph as write_graph
