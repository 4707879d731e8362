"""The folded ladder: the numbers of `nn.ladder` in less time and memory, for sampling."""
