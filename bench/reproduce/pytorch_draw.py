"""DRAW (Gregor et al. 2015) in plain PyTorch, with attention: the network of the preset `draw`, for pytorch.py."""
import torch
from torch import nn
from torch.nn import functional as F


class Draw(nn.Module):
    """Images of 28 x 28, Glorot-uniform weights, biases at zero."""

    def __init__(self, steps=10, units=256, latent=10, read=2, write=5, side=28):
        super().__init__()
        self.steps, self.latent, self.side = steps, latent, side
        self.sizes = {'read': read, 'write': write}
        self.encoder = nn.LSTMCell(2 * read * read + units, units)
        self.mean, self.log_variance = nn.Linear(units, latent), nn.Linear(units, latent)
        self.decoder = nn.LSTMCell(latent, units)
        self.read, self.write = nn.Linear(units, 5), nn.Linear(units, 5)
        self.patch = nn.Linear(units, write * write)
        for parameter in self.parameters():
            nn.init.zeros_(parameter) if parameter.dim() == 1 else nn.init.xavier_uniform_(parameter)

    def filters(self, which, h):
        """F_X and F_Y [batch, size, side], and the intensity [batch, 1, 1]."""
        size, side = self.sizes[which], self.side
        x, y, log_variance, log_stride, log_intensity = getattr(self, which)(h)[:, :, None].unbind(1)
        stride = (side - 1) / (size - 1) * log_stride.exp()
        rank = torch.arange(1, size + 1) - size / 2 - 0.5
        pixels = torch.arange(1, side + 1)

        def bank(place):
            centers = (side + 1) / 2 * (place + 1) + rank * stride
            weights = torch.exp(-(pixels - centers[:, :, None]) ** 2 / (2 * log_variance.exp()[:, :, None]))
            return weights / (weights.sum(2, keepdim=True) + 1e-8)

        return bank(x), bank(y), log_intensity.exp()[:, :, None]

    def forward(self, x, labels, k):
        """Reconstruction [batch, 1] and KL [batch] of one draw, in the places that pytorch.py looks for them."""
        batch = len(x)
        zeros = [x.new_zeros(batch, cell.hidden_size) for cell in (self.encoder, self.decoder)]
        state_enc, state_dec = [(zero, zero) for zero in zeros]
        image = x.view(batch, self.side, self.side)
        canvas, kl = torch.zeros_like(image), x.new_zeros(batch)
        for _ in range(self.steps):
            h = state_dec[0]
            across, down, intensity = self.filters('read', h)
            glimpses = [intensity * (down @ v @ across.transpose(1, 2)) for v in (image, image - torch.sigmoid(canvas))]
            state_enc = self.encoder(torch.cat([v.flatten(1) for v in glimpses] + [h], 1), state_enc)
            mean, log_variance = self.mean(state_enc[0]), self.log_variance(state_enc[0])
            kl = kl + 0.5 * (log_variance.exp() + mean ** 2 - 1 - log_variance).sum(1)
            state_dec = self.decoder(mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean), state_dec)
            across, down, intensity = self.filters('write', state_dec[0])
            size = self.sizes['write']
            patch = self.patch(state_dec[0]).view(batch, size, size)
            canvas = canvas + down.transpose(1, 2) @ patch @ across / intensity
        losses = F.binary_cross_entropy_with_logits(canvas.flatten(1), x, reduction='none').sum(1)
        return losses[:, None], None, None, kl
