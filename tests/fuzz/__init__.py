"""Random attacks on what afnlab reads. `cd tests; python -m fuzz --seed 0 --seconds 60`."""
