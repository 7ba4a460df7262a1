"""Corpora of source code: from a manifest of projects to packed symbols."""
