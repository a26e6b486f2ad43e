"""Files: whole or not there at all, sealed with a checksum, and read with suspicion."""
