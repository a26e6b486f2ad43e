"""The exact law of the cosine of two tokens under the noise alone, by its backward equation.

``law`` checks arguments and asks; ``solver`` refines until two resolutions agree; ``mesh`` cuts the
angle into elements; ``operator`` writes the generator on them; ``radau`` steps in time; ``points``
evaluates between the nodes.
"""
