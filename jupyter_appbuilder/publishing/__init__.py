"""Publishing: a version of an app is built, checked, passed through a gate, and handed to where readers find it."""
