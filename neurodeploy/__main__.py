"""``python -m neurodeploy`` is the command ``neurodeploy``."""

from neurodeploy.cli import main

main()
