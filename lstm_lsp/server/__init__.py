"""The language server: the one part of the package that knows the protocol."""
