"""``python -m service`` is the same door as the ``huoban`` command."""

from service.cli import main

if __name__ == "__main__":
    main()
