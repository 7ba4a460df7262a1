"""The experiments of "Exploring LSTMs" (Edwin Chen, 2017), trained and checked in seconds."""
