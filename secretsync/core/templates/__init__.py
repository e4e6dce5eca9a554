"""The parts of the template engine; `core.templating` is the way in."""
