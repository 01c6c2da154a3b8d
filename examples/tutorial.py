"""The Keras tutorial on CIFAR-10 that Eyespot began from, line by line, in today's Keras.

    python examples/tutorial.py             trained by eyespot.fit
    python examples/tutorial.py --stock     trained by Keras' own fit

Comments say where a line of the tutorial no longer runs, and what stands in its place. Expect about 77 % on the test pictures
after 50 epochs.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "torch")  # new in Keras 3: it asks which backend to use, once, at its import

import keras
import numpy as np
from keras import layers

import eyespot
from eyespot import data

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_cifar10():
    """(x_train, y_train), (x_test, y_test): pictures 0-255 and class numbers."""
    # The tutorial: return keras.datasets.cifar10.load_data()
    # Eyespot finds the copy that this line leaves on the machine, takes the one that EYESPOT_CIFAR10 names, or fetches one.
    parts = data.load("cifar10").parts
    return (parts["train"].images, parts["train"].labels), (parts["test"].images, parts["test"].labels)


def build_network():
    """The tutorial's network: 776,394 parameters."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),  # was the argument input_shape of the first layer
            layers.Conv2D(32, kernel_size=3, padding="same", activation="relu"),
            layers.Conv2D(64, kernel_size=3, activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Dropout(0.25),
            layers.Conv2D(128, kernel_size=3, padding="same", activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Conv2D(128, kernel_size=3, activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(1024, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(fit=eyespot.fit, cifar10=None, epochs=50):
    """Train, evaluate and predict; returns the network and its history. `fit=keras.Model.fit` is the stock way."""
    (x_train, y_train), (x_test, y_test) = cifar10 or load_cifar10()

    # Labels become one-hot vectors, pixels numbers from 0 to 1.
    y_train = keras.utils.to_categorical(y_train, 10)
    y_test = keras.utils.to_categorical(y_test, 10)
    x_train = x_train.astype("float32") / 255
    x_test = x_test.astype("float32") / 255

    model = build_network()
    model.summary()

    # The tutorial: Adam(lr=0.0001, decay=1e-6). Today `lr` raises and `decay` is ignored; this schedule is what it meant.
    learning_rate = keras.optimizers.schedules.InverseTimeDecay(1e-4, decay_steps=1, decay_rate=1e-6)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )

    # The test pictures serve as validation set, as in the tutorial: so they also decide when to stop.
    history = fit(
        model,
        x_train,
        y_train,
        batch_size=128,
        epochs=epochs,
        shuffle=True,
        validation_data=(x_test, y_test),
        callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0.001, patience=3)],
    )

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.3f}, test accuracy {accuracy:.1%}")

    for truth, probabilities in zip(y_test[:5], model.predict(x_test[:5], verbose=0), strict=True):
        answer = np.argmax(probabilities)
        print(f"{CLASSES[answer]:10} {probabilities[answer]:6.1%}   it is: {CLASSES[np.argmax(truth)]}")
    return model, history


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The Keras tutorial on CIFAR-10, made to run; trained by eyespot.fit.")
    parser.add_argument("--stock", action="store_true", help="train by Keras' own fit")
    main(fit=keras.Model.fit if parser.parse_args().stock else eyespot.fit)
