"""The Textual application: thin widgets over the views, and commands by name."""
