"""Templates: what an app starts from, where they are found, what their manifests say."""
