"""Measures the budgets of the design as whole processes, each figure beside one taken in the same run."""
