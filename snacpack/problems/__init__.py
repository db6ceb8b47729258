"""The two searches of a run, over architectures and over a network's compressions, as problems with one interface."""

from snacpack.problems.problem import Evaluation, Problem, find_problem

__all__ = ["Evaluation", "Problem", "find_problem"]
