"""A trained model in other forms, each compared with the original."""

from eyespot.exporting.int8 import quantize as quantize
