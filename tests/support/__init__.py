"""What several tests and drivers stand on: a network that can be slowed and cut, databases, processes."""
