"""What `evaluate_speed.py` measures against: ONNX Runtime alone on CIFAR-10's test pictures, in batches of 256.

python bare_onnxruntime.py MODEL.onnx PICTURES.npy     prints the seconds that the pictures took
"""

import sys
import time

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
pictures = np.load(sys.argv[2])
name = session.get_inputs()[0].name
started = time.perf_counter()
for start in range(0, len(pictures), 256):
    session.run(None, {name: pictures[start : start + 256]})
print(time.perf_counter() - started)
