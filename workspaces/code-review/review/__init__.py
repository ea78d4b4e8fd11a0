"""The measuring agents of code-review; they read code with `ast` and run none of it."""
