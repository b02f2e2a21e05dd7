"""The parts of the speed benchmark: see speed.py."""
