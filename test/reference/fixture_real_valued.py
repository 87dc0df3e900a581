"""A model of real-valued data, trained by PyTorch: what the same steps should come to."""

import numpy as np
import torch

import formula
import torch_model
from fixture_specs import dense, model

SEED = 7
COUNT, WIDTH, FACTORS = 512, 13, 3
BATCH, STEPS, RATE = 64, 2000, 5e-3
SPEC = model(
    [1, 1, WIDTH],
    [dense(24, "tanh")],
    FACTORS,
    [dense(24, "tanh"), dense(WIDTH)],
    likelihood={"type": "gaussian", "variance": "learned"},
)


def table():
    """Rows of measurements that three factors explain but for some noise: [COUNT, WIDTH], of any sign and scale."""
    factors = formula.normal_array((COUNT, FACTORS), formula.seed_of("factors", SEED))
    loadings = formula.normal_array((FACTORS, WIDTH), formula.seed_of("loadings", SEED))
    rest = formula.normal_array((COUNT, WIDTH), formula.seed_of("rest", SEED))
    return (factors @ loadings + 0.3 * rest + 2).astype(np.float32)


def trained(seed):
    """-ELBO over the whole table after STEPS updates, as the mean of 64 draws."""
    generator = torch.Generator().manual_seed(seed)
    shapes = torch_model.parameter_shapes(SPEC)
    values = formula.formula_parameters(shapes, SEED)
    parameters = {key: torch.tensor(value).requires_grad_() for key, value in values.items()}
    data = torch.tensor(table()).reshape(COUNT, 1, 1, WIDTH)
    optimizer = torch.optim.Adam(parameters.values(), lr=RATE)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)

    def loss(rows):
        noise = torch.randn(len(rows), FACTORS, generator=generator)
        return torch_model.loss(SPEC, parameters, rows, noise)["total"]

    for step in range(STEPS):
        if step % (COUNT // BATCH) == 0:
            order = torch.randperm(COUNT, generator=generator)
        first = step % (COUNT // BATCH) * BATCH
        optimizer.zero_grad()
        loss(data[order[first : first + BATCH]]).backward()
        optimizer.step()
        scheduler.step()
    with torch.no_grad():
        return float(torch.stack([loss(data) for _ in range(64)]).mean())


def result():
    settings = {"count": COUNT, "factors": FACTORS, "batch": BATCH, "steps": STEPS, "learningRate": RATE, "seed": SEED}
    return {"spec": SPEC, **settings, "losses": [round(trained(seed), 4) for seed in range(3)]}
