"""How fast N tokens approach the SPDE: propagation of chaos."""
