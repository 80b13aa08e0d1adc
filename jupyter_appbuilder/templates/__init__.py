"""Templates: where they are found and what their manifests contain."""
