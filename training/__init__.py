"""Builds models: corpora, the network in torch, the training loop, the export."""
