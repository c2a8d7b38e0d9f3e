"""A blog over HTTP: one set of models, served by blocking and by awaiting endpoints."""
