"""`python -m provisioner` is the command itself."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # Python put the working directory first: a yaml.py in it would be run in the place of the library.
        del sys.path[0]

    from provisioner.cli.main import main

    main()
