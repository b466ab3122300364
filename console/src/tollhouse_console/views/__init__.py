"""How state reads: pure functions from the model to lines of styled text, each for a width and a height."""
