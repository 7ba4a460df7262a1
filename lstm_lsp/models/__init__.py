"""The bundled models, each one file with its card inside (`network.find_model`)."""
