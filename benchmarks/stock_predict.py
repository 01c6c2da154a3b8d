"""What a user of stock Keras would write to classify one picture: the peer of `eyespot predict` in `predict_latency.py`.

python stock_predict.py MODEL.keras PICTURE
"""

import sys

import keras
import numpy as np
from PIL import Image

model = keras.models.load_model(sys.argv[1])
height, width = model.input_shape[1:3]
with Image.open(sys.argv[2]) as picture:
    pixels = np.asarray(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
probabilities = keras.ops.convert_to_numpy(model(pixels[None], training=False))[0]
for position in np.argsort(-probabilities)[:5]:
    print(f"{position} {probabilities[position]:.4f}")
