"""A VAE with a discriminator (Larsen et al. 2016) in PyTorch: its three objectives, and steps that take them."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

import torch_model
import torch_training


class Step(NamedTuple):
    """Loss and gradients before a step, parameters after it."""

    loss: dict
    gradients: dict
    parameters: dict


def losses(spec, parameters, images, noise, prior, labels=None):
    """Means over the batch: the parts of the loss and sigmoid(D) of x, x̃ and x_p; then what the balance goes by."""
    x = images.permute(0, 3, 1, 2)
    z, kl = torch_model.drawn(spec, parameters, x, noise, labels)
    made = [mean_image(spec, torch_model.decoded(spec, parameters, code, x, labels)) for code in (z, prior)]
    (real, features), (reconstructed, compared), (sampled, _) = (judged(spec, parameters, v) for v in (x, *made))
    reconstruction = 0.5 * ((features - compared) ** 2).flatten(1).sum(1).mean()
    adversarial = (F.softplus(-real) + F.softplus(reconstructed) + F.softplus(sampled)).mean()
    return {
        "total": reconstruction + spec.get("klWeight", 1) * kl,
        "reconstruction": reconstruction,
        "kl": kl,
        "adversarial": adversarial,
        "real": torch.sigmoid(real).mean(),
        "reconstructed": torch.sigmoid(reconstructed).mean(),
        "sampled": torch.sigmoid(sampled).mean(),
    }, (F.softplus(-real).mean(), 0.5 * (F.softplus(reconstructed) + F.softplus(sampled)).mean())


def judged(spec, parameters, x):
    """Logits of images, and what the compared layer makes of them."""
    layers, similarity = spec["discriminator"]["layers"], spec["discriminator"]["similarity"]
    for i, layer in enumerate(layers):
        x = torch_model.layer(layer, f"discriminator.{i}", x, parameters)
        if i == similarity:
            features = x
    return x.flatten(), features


def mean_image(spec, output):
    kind = spec["likelihood"]["type"]
    if kind == "bernoulli":
        return torch.sigmoid(output)
    if kind == "continuous-bernoulli":
        return torch.distributions.ContinuousBernoulli(logits=output).mean
    return output


def gradients(spec, leaves, values):
    """Each parameter's by the objective of its network."""
    reconstruction, adversarial = values["reconstruction"], values["adversarial"]
    objectives = {
        "encoder": values["total"],
        "latent": values["total"],
        "decoder": spec["discriminator"]["weight"] * reconstruction - adversarial,
        "discriminator": adversarial,
    }
    trained = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    result = {}
    for network, objective in objectives.items():
        own = [name for name in trained if name.startswith(f"{network}.")]
        if not own:
            continue
        found = torch.autograd.grad(objective, [trained[name] for name in own], retain_graph=True, allow_unused=True)
        for name, gradient in zip(own, found):
            result[name] = torch.zeros_like(leaves[name]) if gradient is None else gradient
    return result


def train(spec, parameters, batches, options, balance=None):
    """One step a batch (images, noise, prior, labels); yields what is known after each."""
    leaves = {name: torch.tensor(value, dtype=torch.float64) for name, value in parameters.items()}
    for name, leaf in leaves.items():
        leaf.requires_grad_(not torch_model.is_buffer(name))
    optimizers = {}
    for network in ("encoder", "decoder", "discriminator"):
        mine = ("encoder", "latent") if network == "encoder" else (network,)
        own = [leaf for name, leaf in leaves.items() if leaf.requires_grad and name.split(".")[0] in mine]
        optimizers[network], _ = torch_training.make_optimizer(own, options)
    for images, noise, prior, labels in batches:
        images, noise, labels = torch_model.as_tensors(images, noise, labels)
        values, costs = losses(spec, leaves, images, noise, torch.tensor(prior, dtype=torch.float64), labels)
        found = gradients(spec, leaves, values)
        for name, gradient in found.items():
            leaves[name].grad = gradient
        waits = waiting(balance, [float(cost) for cost in costs])
        for network, optimizer in optimizers.items():
            if network not in waits:
                optimizer.step()
        after = {name: leaf.detach().numpy().copy() for name, leaf in leaves.items()}
        yield Step({key: float(value) for key, value in values.items()}, found, after)


def waiting(balance, costs):
    """The networks that skip a step, by the costs of the data and of what is decoded."""
    if balance is None:
        return set()
    least, most = balance["equilibrium"] - balance["margin"], balance["equilibrium"] + balance["margin"]
    discriminator, decoder = min(costs) < least, max(costs) > most
    if discriminator and decoder:
        return set()
    return {"discriminator"} if discriminator else {"decoder"} if decoder else set()
