"""Functions of a person's notebook that an app calls: what is known of them, how they are reached and run."""
