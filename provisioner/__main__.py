"""`python -m provisioner` is the command itself."""

from provisioner.cli.main import main

if __name__ == "__main__":
    main()
