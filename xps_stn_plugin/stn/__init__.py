"""The spatial transformer network: input, network, training, weights, prediction."""
