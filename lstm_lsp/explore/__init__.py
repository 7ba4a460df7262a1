"""Looking inside a network: what every unit holds and every gate does, on any text.

numpy reference arithmetic, made to be read and trusted; what serves does not use it.
"""
