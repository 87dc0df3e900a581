"""The models of fixtures.py: small ones that differ in every way that can go wrong, and the presets."""


def dense(units, activation="linear"):
    return {"type": "dense", "units": units, "activation": activation}


def conv(filters, kernel, stride=1, padding="same", activation="linear", kind="conv"):
    spec = {"type": kind, "filters": filters, "kernel": kernel, "stride": stride, "padding": padding}
    return {**spec, "activation": activation}


def conv_transpose(*arguments, **options):
    return conv(*arguments, **options, kind="conv-transpose")


def residual(*layers):
    return {"type": "residual", "layers": list(layers)}


def reshape(*shape):
    return {"type": "reshape", "shape": list(shape)}


FLATTEN = {"type": "flatten"}


def model(shape, encoder, size, decoder, latent="gaussian", **more):
    spec = {"input": shape, "encoder": encoder, "latent": {"type": latent, "size": size}, "decoder": decoder}
    return {**spec, "likelihood": {"type": "bernoulli"}, **more}


SMALL = {
    "dense": {
        "batch": 3,
        "spec": model(
            [5, 7, 1],
            [dense(33, "relu"), dense(17, "tanh")],
            3,
            [dense(17, "tanh"), dense(33, "relu"), dense(35)],
        ),
    },
    "dense-channels": {  # an image is flattened and filled in the order (channel, row, column)
        "batch": 5,
        "spec": model(
            [4, 3, 3],
            [dense(19, "leaky-relu"), dense(10, "sigmoid")],
            5,
            [dense(13, "sigmoid"), dense(36)],
            klWeight=0.1,
        ),
    },
    "dense-single": {  # one image, a linear hidden layer, an explicit reshape at the end
        "batch": 1,
        "spec": model(
            [3, 3, 2],
            [FLATTEN, dense(6)],
            1,
            [dense(7, "leaky-relu"), dense(18), reshape(3, 3, 2)],
            klWeight=2.5,
        ),
    },
    "dense-extreme": {  # logits as far out as ±100
        "batch": 9,
        "scale": 80,
        "spec": model([3, 5, 1], [dense(8, "relu")], 2, [dense(12, "tanh"), dense(15)]),
    },
    "dense-autoencoder": {
        "batch": 4,
        "spec": model([5, 4, 1], [dense(11, "relu")], 4, [dense(11, "relu"), dense(20)], latent="deterministic"),
    },
    "conv-same": {  # odd sizes, even kernels, strides 2 and 3
        "batch": 3,
        "spec": model(
            [7, 5, 2],
            [
                conv(3, 3, 2, activation="relu"),
                conv(4, 2, activation="tanh"),
                conv(5, 5, 3, activation="leaky-relu"),
                FLATTEN,
                dense(6, "relu"),
            ],
            2,
            [dense(12, "relu"), reshape(3, 2, 2), conv_transpose(3, 3, 2, padding=0, activation="relu"), conv(2, 4)],
        ),
    },
    "conv-padding": {  # padding by a number, the heads and the logits straight on images
        "batch": 2,
        "spec": model(
            [8, 6, 3],
            [conv(4, 4, 2, padding=1, activation="leaky-relu"), conv(5, 3, padding=0, activation="relu")],
            3,
            [
                dense(8, "leaky-relu"),
                reshape(2, 1, 4),
                conv_transpose(4, 3, padding=0, activation="sigmoid"),
                conv_transpose(3, 4, 2, padding=1),
            ],
        ),
    },
    "conv-wide-stride": {  # a stride beyond the kernel skips pixels, and leaves some with the bias alone
        "batch": 3,
        "spec": model(
            [9, 6, 1],
            [
                conv(4, 2, 3, padding=1, activation="relu"),
                conv(3, 3, 3, activation="tanh"),
                conv(3, 1, 2, activation="linear"),
                dense(5, "tanh"),
            ],
            2,
            [
                dense(18, "relu"),
                reshape(3, 2, 3),
                conv_transpose(2, 2, 3, activation="leaky-relu"),
                conv_transpose(3, 1, 2, padding=0, activation="tanh"),
                conv(2, 3, 2, padding=1, activation="relu"),
                conv(1, 3, padding=1),
            ],
            klWeight=0.5,
        ),
    },
    "conv-transpose-same": {
        "batch": 2,
        "spec": model(
            [12, 6, 1],
            [conv(3, 5, 2, activation="relu"), conv(2, 4, 3, activation="relu"), FLATTEN],
            3,
            [
                dense(10, "relu"),
                reshape(2, 1, 5),
                conv_transpose(4, 4, 3, activation="relu"),
                conv_transpose(3, 3, 2, activation="leaky-relu"),
                conv_transpose(1, 2),
            ],
        ),
    },
    "conv-residual": {  # nested, around dense layers too; images flattened and filled with height ≠ width
        "batch": 3,
        "spec": model(
            [6, 5, 2],
            [
                conv(4, 3, activation="relu"),
                residual(conv(4, 3, activation="relu"), conv(4, 1)),
                residual(residual(conv(4, 2, activation="tanh")), conv(4, 3, activation="leaky-relu")),
                conv(2, 3, 2, activation="relu"),
                FLATTEN,
                dense(7, "relu"),
                residual(dense(7, "tanh")),
            ],
            3,
            [
                dense(30, "relu"),
                reshape(5, 3, 2),
                residual(conv_transpose(2, 3, activation="relu"), conv(2, 2)),
                FLATTEN,
                dense(60),
            ],
        ),
    },
    "conv-autoencoder": {
        "batch": 2,
        "spec": model(
            [6, 4, 1],
            [conv(3, 3, 2, activation="relu")],
            4,
            [dense(18, "relu"), reshape(3, 2, 3), conv_transpose(1, 3, 2)],
            latent="deterministic",
        ),
    },
}

OPTIMIZED = model([4, 3, 1], [dense(9, "tanh")], 2, [dense(7, "leaky-relu"), dense(12)])

OPTIMIZERS = {
    "adam": {"type": "adam", "learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    "adam-slow": {"type": "adam", "learningRate": 1e-2, "beta1": 0.5, "beta2": 0.99, "epsilon": 1e-3},
    "rmsprop": {"type": "rmsprop", "learningRate": 1e-3, "rho": 0.99, "epsilon": 1e-8, "momentum": 0},
    "rmsprop-keras": {"type": "rmsprop", "learningRate": 1e-3, "rho": 0.9, "epsilon": 1e-7, "momentum": 0},
    "rmsprop-momentum": {"type": "rmsprop", "learningRate": 1e-3, "rho": 0.95, "epsilon": 1e-6, "momentum": 0.9},
    "sgd": {"type": "sgd", "learningRate": 1e-2, "momentum": 0},
    "sgd-momentum": {"type": "sgd", "learningRate": 1e-2, "momentum": 0.9},
}

PRESETS = {
    "mlp": model([28, 28, 1], [dense(256, "relu")], 2, [dense(256, "relu"), dense(784)]),
    "mlpDeep": model(
        [28, 28, 1],
        [dense(400, "leaky-relu"), dense(400, "leaky-relu")],
        200,
        [dense(400, "leaky-relu"), dense(400, "leaky-relu"), dense(784)],
    ),
    "autoencoder": model(
        [28, 28, 1], [dense(128, "relu")], 32, [dense(128, "relu"), dense(784)], latent="deterministic"
    ),
    "conv": model(
        [28, 28, 1],
        [
            conv(32, 3, activation="relu"),
            conv(64, 3, 2, activation="relu"),
            conv(64, 3, activation="relu"),
            conv(64, 3, activation="relu"),
            FLATTEN,
            dense(32, "relu"),
        ],
        2,
        [
            dense(12544, "relu"),
            reshape(14, 14, 64),
            conv_transpose(32, 3, 2, activation="relu"),
            conv(1, 3),
        ],
    ),
    "sphere": model(
        [28, 28, 1],
        [dense(256, "relu"), dense(128, "relu")],
        3,
        [dense(128, "relu"), dense(256, "relu"), dense(784)],
        latent="von-mises-fisher",
    ),
    "semiSupervised": model(
        [28, 28, 1],
        [dense(500, "softplus")],
        50,
        [dense(500, "softplus"), dense(784)],
        classes=10,
        classifier=[dense(500, "softplus"), dense(10)],
    ),
    "conditional": model([28, 28, 1], [dense(400, "relu")], 20, [dense(400, "relu"), dense(784)], classes=10),
    "vectorQuantized": {
        **model(
            [32, 32, 3],
            [
                conv(128, 4, 2, padding=1),
                conv(128, 4, 2, padding=1, activation="relu"),
                residual(conv(128, 3, activation="relu"), conv(128, 1)),
                residual(conv(128, 3, activation="relu"), conv(128, 1)),
            ],
            16,
            [
                conv(128, 1),
                residual(conv(128, 3, activation="relu"), conv(128, 1)),
                residual(conv(128, 3, activation="relu"), conv(128, 1)),
                conv_transpose(128, 4, 2, padding=1, activation="relu"),
                conv_transpose(3, 4, 2, padding=1),
            ],
        ),
        "latent": {"type": "vector-quantized", "codes": 512, "size": 16, "commitment": 0.25},
        "likelihood": {"type": "gaussian", "variance": 0.06},
    },
}
