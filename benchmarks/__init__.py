"""What the library costs above hand-written code over the plain driver: ``make bench``."""
