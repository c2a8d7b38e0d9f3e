"""One database each; written with the public names of `rhosocial.activerecord.backend` alone."""
