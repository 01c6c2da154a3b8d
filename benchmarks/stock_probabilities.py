"""What a finished model.keras says in stock Keras, with no Eyespot installed: the reference of `onnx_equality.py`.

python stock_probabilities.py MODEL.keras PICTURES.npy PROBABILITIES.npy
"""

import sys

import keras
import numpy as np

model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), batch_size=250, verbose=0))
