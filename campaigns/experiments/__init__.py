"""Experiments without a framework: sums go in, frozen answers come out; "cannot tell" is one."""
